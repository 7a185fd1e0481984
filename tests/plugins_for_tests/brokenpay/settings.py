from mercat_examplepay.settings import ExamplepaySettings


class BrokenSettings(ExamplepaySettings):
    fault: str
