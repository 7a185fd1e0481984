from mercat.cli import main

main()
