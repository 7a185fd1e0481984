"""What the product formats make of files, good and bad."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercat.errors import InvalidError
from mercat.importing import Format, Rejected, Row
from mercat.slugs import UniqueSlugs, slugify
from mercat.texts import harmless
from mercat_products.formats import FORMATS
from mercat_products.formats.markup import text_of_html
from mercat_products.formats.mercat_csv_lines import COLUMNS
from mercat_products.records import ProductRecord

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FORMAT = {format_.name: format_ for format_ in FORMATS}
CSV_HEAD = "slug,name,sku,price\n"
GOOGLE_HEAD = (
    "id\ttitle\tprice\tsale_price\titem_group_id\tcolor\tsize\timage_link\tproduct_type\t"
    "availability"
)
SHOPIFY_HEAD = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Image Position,Status\n"
)


def read(name: str, text: str | bytes) -> list[Row[ProductRecord] | Rejected]:
    data = text.encode() if isinstance(text, str) else text
    return list(FORMAT[name].read(io.BytesIO(data)))


def products(name: str, text: str | bytes) -> list[ProductRecord]:
    return [row.value for row in read(name, text) if isinstance(row, Row)]


def rejected(name: str, text: str | bytes) -> list[tuple[str, str]]:
    return [(r.where, r.reason) for r in read(name, text) if isinstance(r, Rejected)]


def line(slug: str = "tea", **more: object) -> str:
    return json.dumps({"slug": slug, "name": "Tea", "variants": [{"sku": slug}], **more})


# Slugs


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Crème Brûlée", "creme-brulee"),
        ("Straße & Ö", "strasse-o"),
        ("  --Tea__Pot--  ", "tea-pot"),
        ("Компьютер", "kompiuter"),
        ("日本", "ri-ben"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_slug(text: str, slug: str) -> None:
    assert slugify(text) == slug


def test_slug_is_cut_at_a_word() -> None:
    assert slugify("abcdefghi " * 30) == "-".join(["abcdefghi"] * 20)


@given(st.text(max_size=400))
def test_slug_is_one_or_nothing(text: str) -> None:
    slug = slugify(text)
    assert slug == "" or ProductRecord.model_validate_json(line(slug)).slug == slug


def test_repeated_names_are_numbered() -> None:
    slugs = UniqueSlugs()
    names = ["Tea", "Tea 2", "tea", "TEA", "", "a" * 300, "a" * 300]
    got = [slugs.take(name) for name in names]
    assert got[:5] == ["tea", "tea-2", "tea-3", "tea-4", ""]
    assert got[5:] == ["a" * 200, "a" * 198 + "-2"]


# Round trips


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    letters = st.one_of(
        st.sampled_from("|=\\,\"> \n\r\t'"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufdd0"),
    )
    plain = st.text(letters, max_size=most).map(str.strip)
    return plain.filter(lambda text: len(text) >= least)


amounts = st.decimals(0, 10**9, places=2)
prices = st.fixed_dictionaries(
    {
        "amount": amounts,
        "currency": st.none() | st.sampled_from(["EUR", "JPY"]),
        "compare_at": st.none() | amounts,
    }
)
variants = st.fixed_dictionaries(
    {
        "sku": texts(20, 1),
        "name": texts(20),
        "barcode": st.none() | texts(14, 1),
        "options": st.dictionaries(texts(8, 1), texts(8, 1), max_size=3),
        "prices": st.lists(prices, max_size=2),
        "available": st.booleans(),
    }
)
records = st.builds(
    ProductRecord.model_validate,
    st.fixed_dictionaries(
        {
            "slug": st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True),
            "name": texts(40, 1),
            "description": texts(200),
            "brand": st.none() | texts(10, 1),
            "status": st.sampled_from(["draft", "active", "archived"]),
            "tags": st.lists(texts(8, 1), max_size=3),
            "categories": st.lists(texts(20, 1), max_size=2),
            "media": st.lists(
                st.fixed_dictionaries(
                    {"url": st.sampled_from(["/media/a|b", r"https://x/\=,"]), "alt": texts(9)}
                ),
                max_size=2,
                unique_by=lambda media: media["url"],
            ),
            "variants": st.lists(variants, min_size=1, max_size=3),
            "metadata": st.dictionaries(texts(8, 1), texts(8), max_size=2),
        }
    ),
)
shops = st.lists(records, max_size=4, unique_by=lambda record: record.slug)


@given(shops)
@settings(max_examples=60, deadline=None)
def test_json_lines_round_trip(shop: list[ProductRecord]) -> None:
    text = "".join(record.model_dump_json() + "\n" for record in shop)
    assert products("jsonl", text) == shop


@given(shops, st.booleans())
@settings(max_examples=60, deadline=None)
def test_csv_round_trip(shop: list[ProductRecord], repeat: bool) -> None:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(row for record in shop for row in csv_rows(record, repeat=repeat))
    assert read("csv", file.getvalue()) != [] or not shop
    assert products("csv", b"\xef\xbb\xbf" + file.getvalue().encode()) == shop


def csv_rows(record: ProductRecord, *, repeat: bool) -> Iterator[dict[str, str]]:
    product = {
        "slug": record.slug,
        "name": record.name,
        "description": record.description,
        "brand": record.brand or "",
        "status": record.status,
        "tags": listed(record.tags),
        "categories": listed(record.categories),
        "media": listed(media.url for media in record.media),
        "media_alt": listed(media.alt for media in record.media),
        "metadata": paired(record.metadata),
    }
    for number, variant in enumerate(record.variants):
        cells = {
            **(product if repeat or number == 0 else {}),
            "sku": variant.sku,
            "variant_name": variant.name,
            "barcode": variant.barcode or "",
            "options": paired(variant.options),
            "price": listed(price.amount for price in variant.prices),
            "currency": listed(price.currency for price in variant.prices),
            "compare_at": listed(price.compare_at for price in variant.prices),
            "available": str(variant.available).lower(),
        }
        yield {name: harmless(text) for name, text in cells.items()}


def escaped(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("=", "\\=")


def listed(values: object) -> str:
    assert hasattr(values, "__iter__")
    return "|".join(escaped(value) for value in values)


def paired(pairs: dict[str, str]) -> str:
    return "|".join(f"{escaped(key)}={escaped(value)}" for key, value in pairs.items())


# Mercat JSON Lines


def test_a_bad_line_is_rejected_by_itself() -> None:
    text = "\n".join([line("a"), "{", "[]", line("B"), "", line("b", variants=[{}]), line("c")])
    assert [p.slug for p in products("jsonl", text)] == ["a", "c"]
    got = rejected("jsonl", text)
    assert [where for where, _ in got] == ["line 2", "line 3", "line 4", "line 6"]
    assert got[3][1] == "variants.0.sku: Field required"
    assert all(len(reason) <= 200 for _, reason in got)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"slug": "\xff"}', "it holds bytes that are not UTF-8"),
        (b'{"slug": "\x00"}', "it holds a NUL character"),
        (b'{"slug": "\\u0000"}', "it holds a NUL character"),
        (b'{"slug": NaN}', "it is not JSON: a number is out of range"),
        (b'{"a": 1e99999999999999999999}', "it is not JSON: a number is out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON: a number is out of range"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"' + b"x" * (17 << 20) + b'"}', "the line is longer than 16 MiB"),
        (b'{"\\ud800": 1}', ""),
        (b'{"' + b"\\u001b" * 300 + b'": 1}', ""),
    ],
)
def test_hostile_lines(bad: bytes, reason: str) -> None:
    data = line("a").encode() + b"\r\n" + bad + b"\r\n" + line("b").encode()
    assert [p.slug for p in products("jsonl", data)] == ["a", "b"]
    [(where, said)] = rejected("jsonl", data)
    assert where == "line 2"
    assert said.startswith(reason)
    assert said.isprintable()
    assert len(said) <= 200


def test_numbers_stay_exact() -> None:
    text = (
        '{"slug":"a","name":"A","variants":[{"sku":1,"prices":[{"amount":12345678901234567.89}]}]}'
    )
    assert products("jsonl", text)[0].variants[0].prices[0].amount == Decimal(
        "12345678901234567.89"
    )


# Flat JSON

FLAT = [
    {"name": "Tea", "price": 4.99, "categories": ["Food", "Drinks"], "popularity": 7},
    {"name": "Tea", "id": 17, "image": "https://x/t.jpg", "currency": "EUR", "price": "3", "x": {}},
]


@pytest.mark.parametrize("text", [json.dumps(FLAT), "\n".join(map(json.dumps, FLAT))])
def test_flat_products(text: str) -> None:
    first, second = products("json", text)
    assert (first.slug, first.variants[0].sku) == ("tea", "TEA")
    assert first.variants[0].prices[0].amount == Decimal("4.99")
    assert first.categories == ("Food > Drinks",)
    assert first.metadata == {"popularity": "7"}
    assert (second.slug, second.variants[0].sku) == ("tea-2", "17")
    assert second.variants[0].prices[0].currency == "EUR"
    assert second.media[0].url == "https://x/t.jpg"


def test_long_names_have_skus_of_their_own() -> None:
    texts_ = [{"name": "long " * 30 + end, "price": 1} for end in ("a", "b")]
    first, second = (p.variants[0].sku for p in products("json", json.dumps(texts_)))
    assert first != second
    assert max(len(first), len(second)) <= 100


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"name": "\xff"}', "it holds bytes that are not UTF-8"),
        (b'{"name": "a\x00b"}', "it holds bytes that are not UTF-8"),
        (b'{"name": "a\\u0000b"}', "it holds a NUL character"),
        (b'{"name": [' + b'"x",' * (2 << 20) + b"0]}", "it is larger than 16 MiB"),
        (b'{"name": ' + b"[" * 9999 + b"]" * 9999 + b"}", "it is nested too deep"),
        (b'{"name": "!!!"}', "name: it has no letter or digit to make a slug from"),
        (b'{"name": "A", "price": "cheap"}', "price: Input should be a valid decimal"),
        (b'{"name": "A", "price": -1}', "price: Input should be greater than or equal to 0"),
        (b'{"price": 1}', "name: Field required"),
        (b"17", "it is not an object"),
        (b"[]", "it is not an object"),
    ],
)
def test_hostile_items(bad: bytes, reason: str) -> None:
    data = b'\xef\xbb\xbf \n[{"name": "a"}, ' + bad + b', {"name": "b"}]'
    assert [p.slug for p in products("json", data)] == ["a", "b"]
    [(where, said)] = rejected("json", data)
    assert where == "item 2"
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("rest", "where"),
    [
        (b', {"name": "b"', "item 2"),
        (b",", "item 2"),
        (b"] [", "item 2"),
        (b', {"name": 1' + b"0" * 5000 + b"}, {}]", "item 2"),
        (b', {"price": 1e99999999999999999999}, {}]', "item 2"),
        (b"," + b"[" * 200_000, "item 2"),
        (b', "' + b"x" * (17 << 20), "item 2"),
    ],
)
def test_broken_json_keeps_what_came_before(rest: bytes, where: str) -> None:
    data = b'[{"name": "a"}' + rest
    assert [p.slug for p in products("json", data)] == ["a"]
    assert [said for said, _ in rejected("json", data)] == [where]


def test_an_empty_file_has_no_products() -> None:
    assert read("json", b"") == read("jsonl", b"\xef\xbb\xbf\n\n") == []


# Mercat CSV


def test_csv_lines_of_a_product() -> None:
    text = (
        "slug,name,tags,options,sku,price,currency\r\n"
        "tea,Tea,new|hot,Size=S|Colour=red,T-S,1.50|2,EUR|USD\r\n"
        ",,,Size=M,T-M,2.50,EUR\r\n"
        "tea,Tea,,Size=L,T-L,x,\r\n"
        "cup,Cup,,,CUP,,\r\n"
    )
    tea, cup = products("csv", text)
    assert [variant.sku for variant in tea.variants] == ["T-S", "T-M"]
    assert tea.tags == ("new", "hot")
    assert tea.variants[0].options == {"Size": "S", "Colour": "red"}
    assert [price.currency for price in tea.variants[0].prices] == ["EUR", "USD"]
    assert cup.variants[0].prices == ()
    assert rejected("csv", text)[0] == (
        "line 4",
        "prices.0.amount: Input should be a valid decimal",
    )


def test_csv_has_columns_for_all() -> None:
    text = (
        "slug,name,seller,type,attributes,seo_title,private_metadata,old_slugs,sku,price,breaks,"
        "tax_class,weight,length,width,height,variant_media,variant_media_alt,"
        "on_hand,low_at,backorders,backorder_limit,name:de,Slug: pt-BR\n"
        "boot,Boot,s-1,Shoes,fit=slim|fit=tall|heel=12.5,Boots,supplier=Acme,boots|de/stiefel,B,"
        "9|8,3:8.50 10:8|,reduced,900,1,2,3,/media/b.webp,Worn,"
        "7,2,Allow,30,Stiefel,bota\n"
    )
    (boot,) = products("csv", text)
    (found,) = boot.variants
    assert (boot.seller, boot.type, boot.seo.title) == ("s-1", "Shoes", "Boots")
    assert boot.attributes == {"fit": ("slim", "tall"), "heel": "12.5"}
    assert (boot.private_metadata, boot.old_slugs) == (
        {"supplier": "Acme"},
        ("boots", "de/stiefel"),
    )
    steps = [[(step.quantity, step.amount) for step in price.breaks] for price in found.prices]
    assert steps == [[(3, Decimal("8.50")), (10, 8)], []]
    assert (found.tax_class, found.weight, found.media[0].alt) == ("reduced", 900, "Worn")
    assert found.dimensions is not None
    assert dict(found.dimensions) == {"length": 1, "width": 2, "height": 3}
    assert found.stock is not None
    assert found.stock.model_dump() == {
        "on_hand": 7,
        "low_at": 2,
        "backorders": "allow",
        "backorder_limit": 30,
    }
    assert [one.model_dump(exclude_unset=True) for one in boot.translations] == [
        {"locale": "de", "name": "Stiefel"},
        {"locale": "pt-BR", "slug": "bota"},
    ]


def test_csv_keeps_a_picture_that_stands_there_twice() -> None:
    text = (
        "slug,name,sku,price,media,media_alt\n"
        "tea,Tea,T,1,https://x/1.jpg|https://x/1.jpg,Front|Back\n"
    )
    (tea,) = products("csv", text)
    assert [(one.url, one.alt) for one in tea.media] == [
        ("https://x/1.jpg", "Front"),
        ("https://x/1.jpg", "Back"),
    ]


def test_csv_takes_cells_as_long_as_a_text_may_be() -> None:
    words = "\N{CJK UNIFIED IDEOGRAPH-8336}" * 100_000
    tags = "|".join([str(n) * 100 for n in range(100, 250)] * 10)
    text = f"slug,name,description,tags,sku,price\ntea,Tea,{words},{tags},T,1\n"
    assert len(tags) > 400_000
    (tea,) = products("csv", text)
    assert tea.description == words


def test_what_has_no_column_is_not_named() -> None:
    (tea,) = products("csv", "slug,name,sku,price\ntea,Tea,T,1\n")
    assert tea.model_fields_set == {"slug", "name", "variants"}
    assert tea.variants[0].model_fields_set == {"sku", "prices"}


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("breaks", "3=1", "breaks: write them as `3:4.00 10:3.50`"),
        ("breaks", "1:1", "prices.0.breaks.0.quantity"),
        ("length", "5", "length: length, width and height belong together"),
        ("weight", "heavy", "weight: Input should be a valid integer"),
        ("attributes", "heel", "attributes: write it as `Size=M|Colour=red`"),
        ("variant_media_alt", "Worn", "variant_media_alt: it describes more media than there are"),
        ("on_hand", "-1", "stock.on_hand: Input should be greater than or equal to 0"),
        ("on_hand", "many", "stock.on_hand: Input should be a valid integer"),
    ],
)
def test_csv_cells_that_will_not_do(column: str, cell: str, reason: str) -> None:
    text = f"slug,name,sku,price,variant_media,{column}\ntea,Tea,T,1,,{cell}\n"
    assert rejected("csv", text)[0][1].startswith(reason)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p onclick='x()'>A<br>B</p>", "<p>A<br>B</p>"),
        ("<img src=x onerror=alert(1)>Tea", "Tea"),
        ("<a href='javascript:x'>Tea</a>", '<a rel="noopener noreferrer nofollow">Tea</a>'),
        ("&#xffffffff;", "\ufffd"),
    ],
)
def test_shopify_html_is_kept_where_it_is_harmless(html: str, kept: str) -> None:
    (tea,) = products("shopify", SHOPIFY_HEAD + f"tea,Tea,{html}" + "," * 13 + "\n")
    assert tea.description == kept


@pytest.mark.parametrize(
    ("bad", "count"),
    [
        (b'"an open quote,A,A,1\n', 1),
        (b'"b,""x"y,A,1\n', 1),
        (b"b,\xff,B,1\n", 1),
        (b"b,\x00,B,1\n", 1),
        (b"b,B,B\n", 1),
        (b"b,B,B,1,1\n", 1),
        (b"b,B,,1\n", 1),
        (b"B,B,B,1\n", 1),
        (b",B,B,1\n", 1),
        (b'b,B,"' + b"x" * 140_000 + b'",1\n', 1),
        (b"b," + b"x" * (17 << 20) + b",B,1\n", 1),
        (b'b,"two\nlines\xff",B,1\n', 1),
        (b"b,a\rb,B,1\n", 1),
        (b"\xff,,,\n,,C,1\n", 2),
        (b'a","b\n' * 500, 500),
    ],
)
def test_hostile_table_rows(bad: bytes, count: int) -> None:
    data = CSV_HEAD.encode() + b"a,A,A,1\n" + bad + b'c,"C ""c""\nC",C,1\n'
    assert [(p.slug, p.name) for p in products("csv", data)] == [("a", "A"), ("c", 'C "c"\nC')]
    got = rejected("csv", data)
    assert got[0][0] == "line 3"
    assert len(got) == count


def test_a_row_without_end_is_given_up_at_once() -> None:
    data = CSV_HEAD + 'a","b\n' * 100_000
    [(where, reason)] = rejected("csv", data)
    assert where == "line 2"
    assert reason.endswith("given up as far as line 100001")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("csv", "slug,name\n", "lacks the column 'sku'"),
        ("csv", "slug,name,sku,Name\n", "'name' stands twice"),
        ("csv", "", "no header line"),
        ("csv", '"slug', "can't be read"),
        ("google", "id\ttitle\n", "lacks the column 'price'"),
        ("shopify", "Handle,Title\n", "lacks the column 'variant price' or 'price'"),
        ("shopify", "Handle,Title,Price,URL handle\n", "'url handle' stands twice"),
    ],
)
def test_headers_that_will_not_do(name: str, text: str, said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        read(name, text)


def test_a_product_is_bounded() -> None:
    text = CSV_HEAD + "".join(f"a,A,A{n},1\n" for n in range(2003)) + "b,B,B,1\n"
    first, second = products("csv", text)
    assert (len(first.variants), second.slug) == (2000, "b")
    assert [where for where, _ in rejected("csv", text)] == ["line 2002", "line 2003", "line 2004"]


# Google


def google(*rows: str) -> str:
    cells = ["\t".join(row.split("|")) for row in rows]
    return "\n".join([GOOGLE_HEAD, *cells])


def test_google_feed() -> None:
    text = google(
        "1|Shirt red|20.00 EUR|15 EUR|G 1|red|M|https://x/1.jpg|Wear > Shirts|in_stock",
        "2|Shirt blue|20.00 EUR||G 1|blue|M|https://x/1.jpg||out of stock",
        "3|Shirt green|20.00 EUR|15 USD|G 1|green|M|||in stock",
        "4|Cup|5 eur||||||123|",
        "5|Shirt again|20 EUR||G 1|red|L|||maybe",
        "6|Shirt again|20 EUR||G 1|red|L|||preorder",
    )
    shirt, cup, again = products("google", text)
    assert (shirt.slug, cup.slug, again.slug) == ("g-1", "4", "g-1-2")
    red, blue = shirt.variants
    assert red.options == {"Colour": "red", "Size": "M"}
    assert red.prices[0].amount == 15
    assert red.prices[0].compare_at == 20
    assert (blue.name, blue.available) == ("Shirt blue", False)
    assert len(shirt.media) == 1
    assert shirt.categories == ("Wear > Shirts",)
    assert cup.categories == ()
    assert cup.variants[0].prices[0].currency == "EUR"
    assert rejected("google", text) == [
        ("line 4", "sale_price: its currency is not the price's"),
        ("line 6", "availability: 'maybe' is not known"),
    ]


def test_google_options_without_a_column_are_product_details() -> None:
    head = "id\ttitle\tprice\titem_group_id\tsize\tproduct_detail\n"
    text = head + (
        "1\tRod\t5 EUR\trod\tM\tOptions:Height\\, in cm:20\\:30,General:Made in:Peru\n"
        "2\tRod\t5 EUR\trod\tL\tOptions:Height\\, in cm:\\\\,Options:broken\n"
    )
    (rod,) = products("google", text)
    assert [one.options for one in rod.variants] == [
        {"Size": "M", "Height, in cm": "20:30"},
        {"Size": "L", "Height, in cm": "\\"},
    ]


# Shopify


def test_shopify_export() -> None:
    text = SHOPIFY_HEAD + (
        'tee,Tee,"<p>Soft &amp; <b>warm</b></p><script>x()</script>Cotton",Acme,Wear,"a, b",TRUE,'
        "Size,S,T-S,3,10.00,12.00,https://x/2.jpg,2,active\n"
        "tee,,,,,,,,M,,0,10.00,,https://x/1.jpg,1,\n"
        "tee,,,,,,,,,,,,,https://x/3.jpg,3,\n"
        "tee,,,,,,,,,,,,,nowhere,4,\n"
        "tee,,,,,,,,L,T-L,many,10.00,,,,\n"
        "mug,Mug,,,,,FALSE,Title,Default Title,'0123,,5,,,,active\n"
    )
    tee, mug = products("shopify", text)
    assert tee.description == "<p>Soft &amp; <b>warm</b></p>Cotton"
    assert tee.tags == ("a", "b")
    assert tee.categories == ("Wear",)
    assert [media.url[-5] for media in tee.media] == ["1", "2", "3"]
    small, medium = tee.variants
    assert (small.sku, small.options) == ("T-S", {"Size": "S"})
    assert small.prices[0].compare_at == 12
    assert (medium.sku, medium.options) == ("TEE-M", {"Size": "M"})
    assert [one.stock and one.stock.on_hand for one in tee.variants] == [3, 0]
    assert all(one.available for one in tee.variants)
    assert (mug.status, mug.variants[0].options, mug.variants[0].sku) == ("draft", {}, "0123")
    assert [where for where, _ in rejected("shopify", text)] == ["line 6", "line 5"]


def test_shopify_export_of_today() -> None:
    text = (
        "Title,URL handle,Description,Vendor,Product category,Type,Published on online store,"
        "Status,SKU,Barcode,Option1 name,Option1 value,Price,Compare-at price,Inventory tracker,"
        "Inventory quantity,Continue selling when out of stock,Product image URL,Image position,"
        "Image alt text,Variant image URL\n"
        "Tee,tee,Soft,Acme,Wear > Tops,Basics,TRUE,Active,T,4006381333931,Colour,Red,9.5,,shopify,"
        "0,TRUE,https://x/1.jpg,1,A tee,https://x/red.jpg\n"
    )
    [tee] = products("shopify", text)
    assert tee.categories == ("Wear > Tops",)
    assert tee.metadata == {"type": "Basics"}
    assert [(m.url[-7:], m.alt) for m in tee.media] == [("x/1.jpg", "A tee")]
    (red,) = tee.variants
    assert [(m.url[-7:], m.alt) for m in red.media] == [("red.jpg", "")]
    assert (red.available, red.barcode) == (True, "4006381333931")
    assert red.stock is not None
    assert red.stock.model_dump(exclude_unset=True) == {"on_hand": 0, "backorders": "allow"}


@pytest.mark.parametrize(
    ("tracker", "quantity", "policy", "stock"),
    [
        ("shopify", "5", "deny", {"on_hand": 5, "backorders": "deny"}),
        ("shopify", "-2", "continue", {"on_hand": 0, "backorders": "allow"}),
        ("shopify", "5", "", {"on_hand": 5}),
        ("", "5", "deny", None),
        ("shopify", "", "deny", None),
    ],
)
def test_shopify_counts_what_a_tracker_counts(
    tracker: str, quantity: str, policy: str, stock: dict[str, object] | None
) -> None:
    text = (
        "Handle,Title,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,"
        f"Variant Inventory Policy\ntee,Tee,9,{tracker},{quantity},{policy}\n"
    )
    found = products("shopify", text)[0].variants[0].stock
    assert (found and found.model_dump(exclude_unset=True)) == stock


def test_a_variants_picture_is_said_what_the_products_is() -> None:
    text = (
        "Handle,Title,Variant Price,Option1 Name,Option1 Value,Image Src,Image Alt Text,"
        "Variant Image\ntee,Tee,9,Colour,Red,https://x/1.jpg,Front,https://x/2.jpg\n"
        "tee,,9,,Blue,https://x/2.jpg,Blue tee,\n"
    )
    (tee,) = products("shopify", text)
    assert [m.url for m in tee.media] == ["https://x/1.jpg", "https://x/2.jpg"]
    red, blue = tee.variants
    assert [(m.url, m.alt) for m in red.media] == [("https://x/2.jpg", "Blue tee")]
    assert blue.media == ()


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<script>", "</a ", "&#", "<a b='", "&"])
def test_hostile_markup_takes_no_time(piece: str) -> None:
    assert len(text_of_html(piece * 20_000)) <= 20_000 * len(piece)


# All of them

SAMPLES = {
    "jsonl": line(),
    "json": json.dumps(FLAT),
    "csv": CSV_HEAD + "a,A,A,1\n",
    "google": google("1|Shirt|20 EUR|||||||"),
    "shopify": SHOPIFY_HEAD,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_formats_are_told_apart_by_content(name: str) -> None:
    head = b"\xef\xbb\xbf" + SAMPLES[name].encode() + b"\n\xc3"
    assert next(f.name for f in FORMATS if f.matches(Path("anything.txt"), head)) == name
    others = [f for f in FORMATS if f.name not in (name, "json")]
    assert not any(f.matches(Path(f"x.{f.name}"), head) for f in others)


@pytest.mark.parametrize("head", [b"", b"\xff\xfe", b"\0" * 99, b"<html>", b"a,b\n", b"[1]", b'"'])
def test_anything_else_matches_nothing(head: bytes) -> None:
    assert not any(f.matches(Path("x.csv"), head) for f in FORMATS)


@given(st.binary(max_size=300), st.sampled_from(FORMATS), st.sampled_from(sorted(SAMPLES)))
def test_no_bytes_break_a_reader(data: bytes, format_: Format[ProductRecord], name: str) -> None:
    whole = SAMPLES[name].encode() + b"\n" + data
    try:
        rows = list(format_.read(io.BytesIO(whole)))
    except InvalidError:
        return
    assert rows == list(format_.read(io.BytesIO(whole)))
    reasons = [row.reason for row in rows if isinstance(row, Rejected)]
    assert all(reason.isprintable() and len(reason) <= 200 for reason in reasons)


def test_memory_stays_flat() -> None:
    def peak(count: int) -> int:
        data = io.BytesIO(f"{line()}\n".encode() * count)
        tracemalloc.start()
        for _ in FORMAT["jsonl"].read(data):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(4000) < peak(400) + 100_000


def test_real_products() -> None:
    path = SHARED / "ecommerce-products.json"
    if not path.exists():
        pytest.skip("the shared test data is not here")
    data = path.read_bytes()
    assert [f.name for f in FORMATS if f.matches(path, data[:65_536])] == ["json"]
    rows = products("json", data)
    assert len(rows) == len({row.slug for row in rows}) == 3291
    assert len({row.variants[0].sku for row in rows}) == 3291
    assert rejected("json", data) == []
