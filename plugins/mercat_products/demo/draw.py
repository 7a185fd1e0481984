"""Draw the demo shop's pictures from `products.jsonl` into `media/`.

Run `python -m mercat_products.demo.draw` (it needs Pillow, a development dependency) after changing
a product or a drawing; with the same Pillow the same bytes come out.

What is drawn: every tag of a product that names a motif below, in the order of the tags, so
`book, cookery` is a book and on it a loaf; a tag that names a pattern covers the cloth. The n-th
picture shows the n-th value of the option "Colour"; a product without that option is drawn in the
colour its metadata names.

A motif is one instruction a line, continued by lines that start with no instruction, on a square of
100 by 100 with y downwards:

    fill TONE PATH         a shape with light from the left
    flat TONE PATH         a shape without light and shade
    clip TONE PATH         only where it lies on the last `fill` or `tube`
    tube TONE WIDTH PATH   a thick line with light from the left
    line TONE WIDTH PATH   a line
    cline TONE WIDTH PATH  a line only where it lies on the last `fill` or `tube`
    cut PATH               a hole
    pattern                the product's pattern on the last `fill`
    ground X Y RADIUS      the object stands there, and its shadow falls there
    turn DEGREES           the whole object is turned, against the clock
    echo DX DY             the object stands before a second one, moved by that

A TONE is a name in `TONES`, a colour such as `#35507f`, or made from the product's own colour:
`main`, `dark`, `deep`, `light`, `pale` and `contrast`. `fill*` draws the mirror image too; `fill|`
takes the path as one half of a symmetrical shape. A path is SVG's absolute M, L, C, Q and Z, and
`E cx cy rx ry` (ellipse), `R x y width height radius`.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from mercat_products.records import ProductRecord

HERE = Path(__file__).parent
SIZE = 640
SCALE = 4
QUALITY = 78
UNIT = SIZE * SCALE / 100

Point = tuple[float, float]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

COLOURS = {
    "Amber": "#e39a3b",
    "Berry": "#a13a5d",
    "Black": "#35353b",
    "Blue": "#4c7db5",
    "Brick": "#ad4a39",
    "Camel": "#c2996a",
    "Celadon": "#9dc2aa",
    "Chalk": "#efe9df",
    "Charcoal": "#484b52",
    "Clay": "#c58265",
    "Cognac": "#a8622f",
    "Coral": "#ee7d64",
    "Cork": "#c49a66",
    "Cream": "#f3e8d2",
    "Ember": "#d0623a",
    "Forest": "#2f5e48",
    "Graphite": "#4d5159",
    "Green": "#4b8d5b",
    "Grey": "#a5a9ae",
    "Heather": "#a596b9",
    "Indigo": "#3b4c86",
    "Ink": "#2e3857",
    "Iron": "#44474d",
    "Moss": "#7d8c52",
    "Mustard": "#dda93b",
    "Natural": "#e9dcc0",
    "Navy": "#28426f",
    "Oak": "#cda26c",
    "Oatmeal": "#ddd0b9",
    "Ochre": "#d09b3e",
    "Olive": "#787a42",
    "Plum": "#784262",
    "Red": "#c8443d",
    "Rust": "#b85731",
    "Sage": "#9fb594",
    "Sand": "#dcc6a2",
    "Sea": "#5a9ba5",
    "Sky": "#93bfdc",
    "Steel": "#bcc3ca",
    "Tan": "#bb8652",
    "Teal": "#2f8786",
    "Terracotta": "#c9714b",
    "Walnut": "#80573a",
    "White": "#f7f4ee",
    "Yellow": "#f3c640",
}

# What has the same colour on every product; the fourth number is how much it covers.
TONES: dict[str, tuple[int, int, int, int]] = {
    "ink": (52, 52, 58, 255),
    "white": (250, 248, 243, 255),
    "cream": (245, 234, 212, 255),
    "wood": (205, 160, 108, 255),
    "bark": (164, 117, 72, 255),
    "metal": (190, 197, 204, 255),
    "steel": (150, 158, 167, 255),
    "brass": (209, 168, 88, 255),
    "leaf": (92, 143, 92, 255),
    "fern": (62, 109, 78, 255),
    "soil": (88, 62, 48, 255),
    "coffee": (96, 60, 42, 255),
    "sun": (250, 200, 90, 255),
    "rose": (229, 122, 110, 255),
    "shade": (40, 25, 40, 34),
    "shine": (255, 255, 255, 105),
    "steam": (255, 255, 255, 190),
    "glass": (232, 243, 246, 150),
    "glow": (255, 226, 140, 120),
}

# Wall and floor behind an object; one far enough from the object's colour is taken.
BACKDROPS: tuple[tuple[str, str], ...] = (
    ("#f3dfcd", "#e6c9b0"),
    ("#dbe6dc", "#c2d3c4"),
    ("#dbe4ef", "#c3d1e2"),
    ("#f4e6bf", "#e8d39b"),
    ("#f1d9d6", "#e3c0bc"),
    ("#e3deed", "#cdc5de"),
    ("#d3e7e6", "#b6d4d3"),
    ("#e6e0d7", "#d2c8ba"),
)

MOTIFS = {
    "shirt": """
        flat| deep M 50 16 Q 57 16 60 20 L 50 32
        fill* main M 33 23 C 26 26 23 30 21 37 L 13 73 L 23 76 L 36 46 Z
        pattern
        clip* dark M 6 66.5 L 28 71.5 L 28 80 L 4 80 Z
        fill| main M 50 30 L 59 19 C 66 21 70 22 72 26 L 69 48 C 69 60 71 72 71 83 Q 60 87 50 86
        pattern
        line dark .6 M 50 30 L 50 86
        flat white E 51.6 40 .9 .9 E 51.6 50 .9 .9 E 51.6 60 .9 .9 E 51.6 70 .9 .9 E 51.6 80 .9 .9
        fill* light M 41 16 L 50 29 L 43 37 L 36 21 Z
    """,
    "overshirt": """
        flat| deep M 50 16 Q 57 16 60 20 L 50 32
        fill* main M 33 23 C 25 26 22 30 20 37 L 12 73 L 23 76 L 36 46 Z
        clip* dark M 6 66.5 L 28 71.5 L 28 80 L 4 80 Z
        fill| main M 50 30 L 59 19 C 66 21 71 22 73 26 L 70 48 C 70 60 71 72 71 84 L 50 84
        cline dark .6 M 50 30 L 50 86
        fill* dark R 33 42 13 14 1.5
        fill* light M 32.5 41 L 46.5 41 L 46.5 46 L 39.5 49 L 32.5 46 Z
        flat* brass E 39.5 46 .8 .8
        flat brass E 51.6 40 .9 .9 E 51.6 51 .9 .9 E 51.6 62 .9 .9 E 51.6 73 .9 .9
        fill* light M 41 16 L 50 29 L 43 37 L 36 21 Z
    """,
    "camp-shirt": """
        flat| deep M 50 17 Q 57 17 60 20 L 50 36
        fill* main M 35 22 C 27 24 20 31 13 44 L 26 52 L 36 40 Z
        pattern
        fill| main M 50 38 L 59 19 C 66 21 69 22 71 25 L 69 46 L 70 82 L 50 82
        pattern
        line dark .6 M 50 38 L 50 82
        flat white E 51.6 46 .9 .9 E 51.6 56 .9 .9 E 51.6 66 .9 .9 E 51.6 76 .9 .9
        fill* light M 41 17 L 50 37 L 39 38 L 41 33 L 35 30 L 36 21 Z
    """,
    "tee": """
        flat| deep M 50 17 Q 57 17 61.6 19 C 60.4 26 56 31.4 50 31.6
        fill* main M 36 22 C 27 24 20 31 13 44 L 26 52 L 36 40 Z
        pattern
        cline* dark .7 M 14 41 L 28 49.5
        fill| main M 50 30 C 56 30 59 26 61 19.5 C 66 21 69 22 71 25 L 68 44 L 69 82 Q 60 84 50 84
        pattern
        line dark 2 M 38.8 19.4 C 40 25 44 30.4 50 30.4 C 56 30.4 60 25 61.2 19.4
        cline dark .7 M 28 80.4 Q 50 84 72 80.4
    """,
    "polo": """
        flat| deep M 50 16 Q 57 16 60 20 L 50 30
        fill* main M 36 22 C 27 24 20 31 13 44 L 26 52 L 36 40 Z
        pattern
        clip* light M 10 39 L 28 50 L 26 56 L 8 46 Z
        fill| main M 50 28 L 60 19 C 66 21 69 22 71 25 L 68 44 L 69 82 Q 60 84 50 84
        pattern
        clip dark R 47 24 6 24 1
        flat white E 50 35 .9 .9 E 50 43 .9 .9
        fill* light M 41 16 L 50 28 L 42 35 L 36 20.5 Z
        cline* dark .7 M 36.6 22.5 L 42.6 33
    """,
    "sweater": """
        flat| deep M 50 16 Q 57 16 61 18.5 L 50 31
        fill* main M 36 21 C 27 24 23 30 21 38 L 12 74 L 24 78 L 37 48 Z
        clip* dark M 6 68 L 30 74 L 30 82 L 4 82 Z
        fill| main M 50 27 C 56 27 59 25 61 18.5 C 67 20 71 22 73 26 L 70 48 L 71 84 L 50 85
        clip dark R 20 78 60 10 0
        cline contrast .9 M 33 40 L 36 36 L 39 40 L 42 36 L 45 40 L 48 36 L 51 40 L 54 36
            L 57 40 L 60 36 L 63 40 L 66 36 L 69 40
        cline contrast .9 M 31 46 L 34 42 L 37 46 L 40 42 L 43 46 L 46 42 L 49 46 L 52 42
            L 55 46 L 58 42 L 61 46 L 64 42 L 67 46
        cline deep .4 M 33 79 L 33 86 M 37 79 L 37 86 M 41 79 L 41 86 M 45 79 L 45 86 M 49 79
            L 49 86 M 53 79 L 53 86 M 57 79 L 57 86 M 61 79 L 61 86 M 65 79 L 65 86
        line dark 2.6 M 39.4 19 C 42 31 58 31 60.6 19
    """,
    "cardigan": """
        flat| deep M 50 16 Q 57 16 61 19 L 50 48
        fill* main M 36 21 C 27 24 23 30 21 38 L 12 74 L 24 78 L 37 48 Z
        clip* dark M 6 68 L 30 74 L 30 82 L 4 82 Z
        fill| main M 50 50 L 60 18.5 C 67 20 71 22 73 26 L 70 48 L 71 84 L 50 84
        clip contrast M 22 31 L 26 27 L 30 31 L 34 27 L 38 31 L 42 27 L 46 31 L 50 27 L 54 31
            L 58 27 L 62 31 L 66 27 L 70 31 L 74 27 L 78 31 L 78 34 L 74 30 L 70 34 L 66 30
            L 62 34 L 58 30 L 54 34 L 50 30 L 46 34 L 42 30 L 38 34 L 34 30 L 30 34 L 26 30
            L 22 34 Z
        clip sun E 30 38 1 1 E 36 38 1 1 E 42 38 1 1 E 58 38 1 1 E 64 38 1 1 E 70 38 1 1
        clip dark R 20 78 60 10 0
        line dark 3.4 M 39.6 18.5 L 50 50 L 50 83
        line dark 3.4 M 60.4 18.5 L 50 50
        flat cream E 50 54 1 1 E 50 62 1 1 E 50 70 1 1 E 50 78 1 1
    """,
    "beanie": """
        fill light E 50 22 8.5 8.5
        pattern
        fill main M 22 66 C 20 34 34 25 50 25 C 66 25 80 34 78 66 Z
        cline dark 1 M 50 24 L 50 70 M 42 25 C 36 40 35 55 35 70 M 58 25 C 64 40 65 55 65 70
            M 35 28 C 27 42 27 55 27 70 M 65 28 C 73 42 73 55 73 70
        fill light R 18 62 64 17 5
        cline dark .8 M 24 60 L 24 82 M 30 60 L 30 82 M 36 60 L 36 82 M 42 60 L 42 82 M 48 60
            L 48 82 M 54 60 L 54 82 M 60 60 L 60 82 M 66 60 L 66 82 M 72 60 L 72 82 M 78 60
            L 78 82
    """,
    "scarf": """
        line dark 1 M 57 80 L 57 87 M 60 80 L 60 87 M 63 80 L 63 87 M 66 80 L 66 87 M 69 80
            L 69 87
        fill dark M 49 40 L 64 36 C 66 50 70 66 72 82 L 55 82 C 55 66 52 54 49 40 Z
        clip contrast R 40 70 40 2 0 R 40 74 40 2 0
        fill main M 26 30 C 26 14 74 14 74 30 C 74 48 26 48 26 30 Z
        flat deep E 50 27 15 6
        fill light M 26 31 C 30 42 64 44 74 30 C 76 42 62 50 50 49 C 38 49 24 44 26 31 Z
        line main 1 M 32 82 L 32 89 M 35 82 L 35 89 M 38 82 L 38 89 M 41 82 L 41 89 M 44 82
            L 44 89
        fill main M 36 44 L 53 46 C 52 58 49 70 47 84 L 29 84 C 30 68 33 56 36 44 Z
        clip contrast R 20 72 40 2 0 R 20 76 40 2 0
    """,
    "socks": """
        echo 13 -5
        fill main M 32 16 L 52 16 L 52 56 C 54 60 62 63 67 68 C 73 76 66 86 56 83
            C 46 80 36 74 33 64 Z
        clip contrast R 26 24 40 2.4 0 R 26 29 40 2.4 0
        clip light R 26 10 40 11 0
        clip light M 74 62 L 58 74 L 56 90 L 80 90 Z
        clip light M 26 56 C 38 56 42 64 38 78 L 24 78 Z
    """,
    "mittens": """
        turn 8
        echo 27 1
        fill main M 44 50 C 52 42 57 46 54 52 L 44 66 Z
        fill main M 20 72 L 20 34 C 20 16 46 16 46 34 L 46 72 Z
        clip contrast M 33 30 L 37 35 L 33 40 L 29 35 Z M 33 44 L 37 49 L 33 54 L 29 49 Z
        clip contrast E 25 42 1 1 E 41 42 1 1 E 25 56 1 1 E 41 56 1 1 E 33 58 1 1
        fill light R 18 64 30 16 2.5
        cline dark .8 M 23 62 L 23 82 M 28 62 L 28 82 M 33 62 L 33 82 M 38 62 L 38 82 M 43 62
            L 43 82
    """,
    "trainer": """
        ground 50 78 38
        fill white M 12 66 L 88 66 Q 90 77 82 78 L 19 78 Q 11 77 12 66 Z
        clip shade R 10 73.4 80 1 0
        fill light M 34 38 L 42 29 C 48 30 50 36 52 44 L 44 50 Z
        fill main M 15 68 C 17 58 12 48 15 36 C 21 42 31 40 37 33 L 41 35 C 48 48 62 53 74 55
            C 85 57 89 62 87 68 Z
        clip light M 76 50 L 92 50 L 92 72 L 73 72 Q 70 62 76 50 Z
        clip dark M 8 34 L 20 34 Q 20 50 24 72 L 8 72 Z
        flat white E 63 60 .9 .9 E 67 61.4 .9 .9 E 63.6 63.6 .9 .9 E 67.4 65 .9 .9
        cline shine .8 M 26 72 C 26 60 34 56 42 60 C 48 63 54 66 56 72
        line white 1.7 M 42 45 L 49 38.5 M 47 50 L 54 43.5 M 53 54 L 60 47.5
    """,
    "boot": """
        ground 52 82 34
        fill ink M 20 73 L 86 73 L 85 82 L 50 82 L 47 79.5 L 42 82 L 21 82 Z
        fill cream R 20 71.5 66 3.4 1.5
        fill light M 40 30 L 52 24 L 58 46 L 46 50 Z
        fill main M 22 73 C 25 58 22 42 23 25 Q 34 29 47 25 C 47 38 50 45 56 49
            C 62 54 71 54 78 58 Q 87 62 86 73 Z
        clip dark M 18 20 L 50 20 L 50 32 L 18 33 Z
        clip dark M 74 52 Q 66 62 71 76 L 92 76 L 92 52 Z
        clip dark M 18 54 Q 34 56 36 76 L 18 76 Z
        line #c2543a 1.5 M 40 37 L 50 33 M 41 43 L 52 38 M 44 49 L 55 43 M 49 54 L 59 48
        flat brass E 40 37 1 1 E 41 43 1 1 E 44 49 1 1 E 49 54 1 1
    """,
    "wellington": """
        ground 56 84 32
        echo 6 -4
        fill main M 28 80 C 30 60 28 40 28 19 Q 40 23 53 19 L 55 53 C 62 60 74 61 80 65
            Q 85 70 84 80 Z
        clip dark R 20 14 40 11 0
        cline shine 2.2 M 34 32 L 34.5 62
        clip dark M 72 56 Q 66 68 70 84 L 90 84 L 90 56 Z
        flat deep R 27 77 58 6 2
        flat deep R 27 80 18 5 1.5
    """,
    "espadrille": """
        turn 6
        fill* #d9bd8b M 33 12 C 45 10 48 24 47 38 C 46 50 47 60 46 75 C 45 91 26 91 24 75
            C 23 62 25 54 23 42 C 20 26 23 13 33 12 Z
        flat* cream M 34 20 C 42 20 44 30 44 40 C 43 52 44 62 43.4 74 C 42 86 28 86 26.6 74
            C 26 62 28 54 26 42 C 24 28 26 20 34 20 Z
        fill* main M 33 14 C 44 12 46.4 25 45.6 38 L 45 52 Q 35 43 25.6 53
            C 26 48 25 45 24.4 41 C 22 26 24 15 33 14 Z
        cline* light .8 M 35 14 L 35 48
        pattern
        fill* main M 45 66 L 45 75 C 44 89.4 27 89.4 25.4 75 L 25 66 Q 27.4 82 35 82
            Q 43 82 45 66 Z
    """,
    "slipper": """
        turn -6
        fill* bark M 33 12 C 45 10 48 24 47 38 C 46 50 47 60 46 75 C 45 91 26 91 24 75
            C 23 62 25 54 23 42 C 20 26 23 13 33 12 Z
        flat* cream M 34 20 C 42 20 44 30 44 40 C 43 52 44 62 43.4 74 C 42 86 28 86 26.6 74
            C 26 62 28 54 26 42 C 24 28 26 20 34 20 Z
        fill* main M 33 12 C 45 10 48 24 47 38 L 46 54 Q 35 50 24.4 55 C 25 48 23.6 45 23 41
            C 20 26 23 13 33 12 Z
        tube* white 5 M 26 54 Q 35 49 45 53
        line* rose 1.3 M 35 34 C 31 28 26 34 35 40 C 44 34 39 28 35 34
    """,
    "mug": """
        ground 49 80 26
        line steam 1.7 M 42 25 C 38 20 46 16 42 10 M 51 25 C 47 20 55 16 51 10
        tube main 5.4 M 66 44 C 86 41 86 69 65 67
        fill main M 27 33 L 71 33 L 69 73 Q 68 80 60 80 L 38 80 Q 30 80 29 73 Z
        clip cream M 20 65 C 34 60 42 70 54 65 C 64 61 70 66 80 64 L 80 85 L 20 85 Z
        clip shade M 62 30 L 80 30 L 80 85 L 60 85 Z
        pattern
        flat light E 49 33 22 5
        flat coffee E 49 34 19.4 3.7
    """,
    "yunomi": """
        ground 50 82 22
        line steam 1.7 M 46 22 C 42 17 50 13 46 7 M 55 22 C 51 17 59 13 55 7
        fill main M 30 31 L 70 31 L 67 73 Q 66 82 57 82 L 43 82 Q 34 82 33 73 Z
        cline #35507f 1.8 M 28 56 C 36 49 42 63 50 56 C 58 49 64 63 72 56
        cline #35507f 1 M 28 61 C 36 54 42 68 50 61 C 58 54 64 68 72 61
        flat #c8443d E 58 45 4 4
        clip shade M 61 28 L 80 28 L 80 85 L 58 85 Z
        flat pale E 50 31 20 4.6
        flat #a9b95e E 50 32 17.4 3.3
    """,
    "skillet": """
        tube main 8 M 62 62 L 86 86
        cut E 85.5 85.5 1.7 1.7
        fill main E 43 43 31 31
        fill dark E 43 43 27 27
        flat deep E 43 43 26 26
        fill white M 30 38 C 30 26 44 28 50 30 C 60 30 62 40 58 46 C 60 56 48 60 42 55
            C 32 58 24 48 30 38 Z
        fill sun E 43 42 7 7
        flat shine E 41 40 2 1.6
        flat fern E 60 56 1 .6 E 32 62 .8 .6 E 55 62 .7 .6 E 26 54 .7 .6
    """,
    "dripper": """
        ground 50 86 23
        tube wood 3.4 M 68 66 C 84 62 84 82 69 80
        fill glass M 41 52 L 59 52 C 59 60 72 64 72 77 Q 72 86 63 86 L 37 86 Q 28 86 28 77
            C 28 64 41 60 41 52 Z
        clip coffee R 20 70 60 20 0
        clip shine M 32 68 Q 36 64 38 62 L 40 63 Q 36 70 35 80 L 33 80 Z
        fill white M 26 15 L 74 15 L 70 23 L 30 23 Z
        tube main 3.2 M 68 26 C 84 25 80 42 62 40
        fill main M 28 22 L 72 22 L 57 47 L 43 47 Z
        cline dark 1 M 40 22 L 46 48 M 50 22 L 50 48 M 60 22 L 54 48
        fill light R 34 46.5 32 5 2.4
    """,
    "teapot": """
        ground 50 81 26
        fill main M 66 60 C 76 58 74 44 84 38 L 90 42 C 84 50 83 68 66 74 Z
        tube main 4.8 M 31 48 C 10 42 10 74 33 72
        fill main E 50 60 27 21
        pattern
        clip shade M 60 36 Q 76 60 56 84 L 90 84 L 90 36 Z
        cline dark .9 M 20 44 Q 50 54 80 44
        fill light M 34 43 Q 50 29 66 43 Q 50 48.5 34 43 Z
        fill wood E 50 33 4.2 4.2
        flat dark R 38 79 24 3 1.5
    """,
    "board": """
        turn -14
        fill main M 28 30 Q 28 24 36 24 L 42 24 Q 44 22 44 17 Q 44 9 50 9 Q 56 9 56 17
            Q 56 22 58 24 L 64 24 Q 72 24 72 30 L 72 82 Q 72 88 66 88 L 34 88 Q 28 88 28 82 Z
        cline dark .6 M 34 24 C 32 50 37 70 34 90 M 45 24 C 43 46 48 66 45 90 M 57 24
            C 54 50 59 70 56 90 M 66 24 C 64 46 68 72 65 90
        cut E 50 16 2.6 2.6
        fill sun E 44 62 9 9
        flat cream E 44 62 7.6 7.6
        flat sun M 44 62 L 41.4 55.5 L 46.6 55.5 Z M 44 62 L 50.6 59.6 L 50.6 64.6 Z M 44 62
            L 41.4 68.5 L 46.6 68.5 Z M 44 62 L 37.4 59.6 L 37.4 64.6 Z
        fill leaf M 56 72 Q 58 60 66 56 Q 68 68 56 72 Z
        line fern .7 M 54 76 Q 58 66 65 58
    """,
    "casserole": """
        ground 50 81 33
        tube main 4.4 M 22 53 C 10 50 10 62 23 62 M 78 53 C 90 50 90 62 77 62
        fill main M 20 48 L 80 48 L 78 72 Q 77 81 67 81 L 33 81 Q 23 81 22 72 Z
        clip shade M 66 46 L 84 46 L 84 84 L 62 84 Z
        fill main M 18 48 C 20 32 80 32 82 48 Z
        cline shine 1.8 M 27 43 Q 33 38.5 42 37.6
        flat light R 17 46.5 66 3.4 1.7
        fill brass R 43 28 14 5 2.5
        flat brass R 48 32 4 5 0
    """,
    "knife": """
        turn -32
        fill metal M 43 62 L 43 12 Q 43 7 47 11 C 56 22 61 40 61 62 Z
        clip white M 56 10 L 53 24 C 57 38 57.5 50 57.5 62 L 64 62 L 64 10 Z
        fill steel R 43 61 13 4 .6
        fill main M 43.5 65 L 55.5 65 L 56 88 Q 56 93 50 93 L 47 93 Q 43 93 43 88 Z
        flat brass E 49.6 70 1.2 1.2 E 49.6 78 1.2 1.2 E 49.6 86 1.2 1.2
    """,
    "towel": """
        fill main M 49 20 L 74 20 L 74 74 L 49 74 Z
        clip contrast R 40 56 60 2 0 R 40 60 60 5 0 R 40 67 60 2 0
        cline shade 1 M 61 20 L 61 80
        fill white M 26 20 L 52 20 L 52 84 L 26 84 Z
        clip main R 20 66 40 2 0 R 20 70 40 5 0 R 20 77 40 2 0
        cline shade 1 M 39 20 L 39 90
        tube wood 3.6 M 12 20 L 88 20
        fill brass E 12 20 3 3 E 88 20 3 3
    """,
    "jar": """
        ground 50 84 23
        fill glass M 36 24 L 64 24 C 66 30 72 32 72 40 L 72 76 Q 72 84 64 84 L 36 84
            Q 28 84 28 76 L 28 40 C 28 32 34 30 36 24 Z
        clip #d9a866 R 29.6 48 40.8 34.6 5
        clip #b97f43 E 34 54 2 1.3 E 42 52 2 1.3 E 50 55 2 1.3 E 58 52 2 1.3 E 66 54 2 1.3
            E 38 61 2 1.3 E 62 60 2 1.3 E 34 68 2 1.3 E 66 68 2 1.3 E 38 76 2 1.3 E 47 79 2 1.3
            E 56 77 2 1.3 E 64 76 2 1.3
        fill cream R 39 58 22 15 2
        line ink .9 M 43 63.5 L 57 63.5 M 45 67.5 L 55 67.5
        flat shine R 32 40 2.4 34 1.2
        fill main R 33 14 34 11 3
        cline bark .6 M 33 19 L 67 19
    """,
    "moka": """
        ground 50 86 23
        tube ink 4.6 M 66 31 L 83 33 L 79 58
        fill main M 31 27 L 24 33 L 33 40 Z
        fill main M 31 27 L 69 27 L 63 54 L 37 54 Z
        clip shade M 44 24 L 56 24 L 55 56 L 45 56 Z M 63 24 L 72 24 L 66 56 L 59 56 Z
        fill main M 37 59 L 63 59 L 70 86 L 30 86 Z
        clip shade M 45 57 L 55 57 L 57 88 L 43 88 Z M 59 57 L 72 57 L 74 88 L 64 88 Z
        fill steel R 35 53 30 7 2
        fill light M 31 27 L 69 27 L 56 18 L 44 18 Z
        fill ink E 50 15 3.6 3.6
    """,
    "apron": """
        line cream 2 M 39 24 C 36 4 64 4 61 24
        line* cream 2 M 26 46 C 16 48 18 58 12 62
        fill| main M 50 21 L 62 21 C 62 36 67 42 76 44 L 77 84 Q 64 88 50 88
        pattern
        cline| light .8 M 50 24 L 64 24 M 74 44 L 75 84 L 50 85.6
        fill dark R 35 52 30 20 3
        cline light .8 M 50 50 L 50 74
        flat brass E 40 25 1.2 1.2 E 60 25 1.2 1.2
        tube wood 1.8 M 58 60 L 62 42
        fill wood E 62.6 39 3 4.4
        clip shade E 62.6 39 1.6 3
        fill dark R 50 58 15 14 3
    """,
    "desk-lamp": """
        ground 40 84 22
        flat glow M 58 49 L 83 36 L 96 84 L 44 84 Z
        tube ink 2.4 M 40 79 L 28 51 L 58 27
        fill main M 24 84 Q 24 77 40 77 Q 56 77 56 84 Z
        fill brass E 28 51 3 3
        flat #fff0b8 E 71 43 8 6.6
        fill main M 51 30 C 47 18 60 10 69 17 C 76 22 80 28 84 37 L 57 51 C 55 44 53 37 51 30 Z
        clip shade M 66 10 L 88 38 L 74 46 Z
        fill brass E 57 25 2.2 2.2
    """,
    "pendant": """
        line ink .9 M 50 0 L 50 22
        fill main E 50 52 31 29
        clip glow E 50 56 22 20
        cline dark .7 M 18 40 Q 50 46 82 40 M 16 48 Q 50 54 84 48 M 16 56 Q 50 62 84 56 M 18 64
            Q 50 70 82 64 M 24 72 Q 50 77 76 72 M 24 32 Q 50 37 76 32
        fill ink R 42 20 16 4.6 1.6
        fill ink E 50 81 9 1.8
    """,
    "toadstool": """
        ground 50 84 22
        flat glow E 50 60 36 12
        fill cream M 43 52 L 57 52 C 57 66 60 72 62 80 Q 62 84 50 84 Q 38 84 38 80
            C 40 72 43 66 43 52 Z
        fill main M 16 55 C 14 16 86 16 84 55 Q 50 63 16 55 Z
        clip shade M 66 16 Q 78 38 68 62 L 92 62 L 92 16 Z
        clip #fff3cf E 50 57.5 30 2.6
        clip pale E 34 40 5 4 E 56 34 6 4.6 E 70 47 4 3.4 E 46 48 3 2.4 E 26 50 2.4 2
    """,
    "floor-lamp": """
        ground 50 92 24
        tube wood 2.2 M 50 44 L 30 91 M 50 44 L 70 91 M 50 44 L 54 87
        line bark 1 M 39 70 L 61 70
        flat glow M 30 44 L 70 44 L 82 72 L 18 72 Z
        fill main M 38 10 L 62 10 L 73 43 L 27 43 Z
        pattern
        clip #fff3cf R 20 40.6 60 3 0
        fill brass E 50 46 2.6 2.6
    """,
    "candle": """
        ground 50 83 23
        flat glow E 50 26 15 17
        fill glass R 29 34 42 49 6
        clip main R 30.6 44 38.8 37.4 5
        flat light E 50 44 19.4 4
        line ink .9 M 50 44 L 50 36
        fill sun M 50 16 C 58 27 57 36 50 37 C 43 36 42 27 50 16 Z
        flat white M 50 27 C 53 31 53 35 50 36 C 47 35 47 31 50 27 Z
        fill cream R 38 54 24 19 2
        line fern .9 M 50 69 L 50 58
        flat leaf M 50 64 Q 44 63 43 58 Q 49 58 50 64 Z M 50 64 Q 56 63 57 58 Q 51 58 50 64 Z
            M 50 69 Q 45 68 44 64 Q 49 64 50 69 Z M 50 69 Q 55 68 56 64 Q 51 64 50 69 Z
        flat shine R 32 40 2.2 36 1.1
    """,
    "tapers": """
        ground 50 84 32
        flat glow E 28 21 8 9 E 50 13 8 9 E 72 27 8 9
        fill main R 25.4 29 5.2 45 1.6 R 47.4 21 5.2 53 1.6 R 69.4 35 5.2 39 1.6
        line ink .7 M 28 29 L 28 25 M 50 21 L 50 17 M 72 35 L 72 31
        fill sun M 28 16 C 32 21 31 26 28 26.4 C 25 26 24 21 28 16 Z M 50 8
            C 54 13 53 18 50 18.4 C 47 18 46 13 50 8 Z M 72 22 C 76 27 75 32 72 32.4
            C 69 32 68 27 72 22 Z
        fill brass M 22 72 L 34 72 L 32 78 L 24 78 Z M 44 72 L 56 72 L 54 78 L 46 78 Z M 66 72
            L 78 72 L 76 78 L 68 78 Z
        fill brass R 19 80 18 4 2 R 41 80 18 4 2 R 63 80 18 4 2
        flat brass R 26.6 76 2.8 5 0 R 48.6 76 2.8 5 0 R 70.6 76 2.8 5 0
    """,
    "lantern": """
        ground 50 86 24
        line ink 1.8 M 38 25 C 36 4 64 4 62 25
        fill main M 32 32 L 42 20 L 58 20 L 68 32 Z
        fill glass R 31 32 38 48 1
        flat glow E 50 54 15 18
        fill cream R 43 60 14 20 1.6
        line ink .8 M 50 60 L 50 56
        fill sun M 50 44 C 55 51 54 57 50 57.4 C 46 57 45 51 50 44 Z
        fill main R 28 30 44 4 1.4
        fill main R 28 34 3.4 46 0 R 68.6 34 3.4 46 0
        flat main R 49 34 2 10 0
        flat shine M 35 36 L 42 36 L 35 56 Z
        fill main R 26 79 48 7 2
    """,
    "chair": """
        ground 50 88 27
        tube dark 3 M 35 62 L 33 83 M 65 62 L 67 83
        tube main 3.4 M 32 58 L 29 14 M 68 58 L 71 14
        fill main M 27 12 Q 50 18 73 12 L 72 24 Q 50 30 28 24 Z
        fill main M 29.4 33 Q 50 38 70.6 33 L 70.2 40 Q 50 45 29.8 40 Z
        tube main 3.4 M 28 62 L 25 87 M 72 62 L 75 87
        line dark 1.8 M 27 76 L 73 76
        fill light M 28 54 L 72 54 L 78 63 Q 78 67 74 67 L 26 67 Q 22 67 22 63 Z
        cline dark 1.2 M 20 64 L 80 64
    """,
    "stool": """
        ground 50 88 26
        tube dark 3.4 M 50 40 L 51 82
        tube main 3.8 M 36 42 L 27 87 M 64 42 L 73 87
        line dark 2 M 32 64 L 68 64
        fill main M 22 36 L 78 36 L 77 42 Q 50 50 23 42 Z
        fill light E 50 36 28 7
        cline main .6 M 30 33 Q 50 30 70 34 M 28 37 Q 50 34 74 38 M 36 40 Q 50 38 66 40
    """,
    "throw": """
        line light 1 M 16 74 L 12 75 M 16 78 L 12 80 M 16 82 L 12 84 M 16 56 L 12 57 M 16 60
            L 12 62 M 16 64 L 12 66 M 16 38 L 12 39 M 16 42 L 12 44 M 16 46 L 12 48
        ground 50 87 36
        fill main R 15 70 70 17 7
        pattern
        fill light R 16 52 69 18 7
        pattern
        fill main R 15 34 70 18 7
        pattern
        fill main M 46 34 L 66 34 Q 70 34 70 40 L 72 64 L 48 64 L 46 34 Z
        pattern
        clip contrast R 40 52 40 2 0 R 40 56 40 2 0
        line light 1 M 50 64 L 50 70 M 54 64 L 54 70 M 58 64 L 58 70 M 62 64 L 62 70 M 66 64
            L 66 70 M 70 64 L 70 70
    """,
    "cushion": """
        turn 7
        fill main M 18 20 Q 50 29 82 20 Q 73 50 82 82 Q 50 73 18 82 Q 27 50 18 20 Z
        pattern
        cline light .9 M 20 22 Q 50 31 80 22 Q 71 50 80 80 Q 50 71 20 80 Q 29 50 20 22
        clip contrast M 50 37 L 63 51 L 50 65 L 37 51 Z
        clip main M 50 42 L 58.4 51 L 50 60 L 41.6 51 Z
        clip contrast M 50 46.6 L 54 51 L 50 55.4 L 46 51 Z
    """,
    "clock": """
        fill main E 50 50 34 34
        fill white E 50 50 29 29
        flat ink R 49.2 24 1.6 5 .8 R 49.2 71 1.6 5 .8 R 24 49.2 5 1.6 .8 R 71 49.2 5 1.6 .8
        flat steel E 63 27.5 .9 .9 E 72.5 37 .9 .9 E 72.5 63 .9 .9 E 63 72.5 .9 .9
            E 37 72.5 .9 .9 E 27.5 63 .9 .9 E 27.5 37 .9 .9 E 37 27.5 .9 .9
        line ink 2.2 M 50 50 L 38 40
        line ink 1.5 M 50 50 L 62 32
        line rose .8 M 46 57 L 58 36 L 46 57 L 50 50 L 50 71
        flat rose E 50 50 2 2
    """,
    "vase": """
        ground 50 86 20
        line fern 1 M 49 46 C 48 34 40 24 36 14 M 51 46 C 52 32 60 24 66 18 M 50 46
            C 50 32 51 20 50 10
        fill leaf M 45 34 Q 34 34 30 26 Q 41 24 45 34 Z M 55 36 Q 66 38 71 31 Q 61 26 55 36 Z
            M 50 28 Q 58 24 59 16 Q 50 18 50 28 Z
        fill rose E 36 13 5.4 5.4
        flat sun E 36 13 2 2
        fill sun E 66 17 5.4 5.4
        flat bark E 66 17 2 2
        fill white E 50 9 5 5
        flat sun E 50 9 1.8 1.8
        fill main M 43 44 L 57 44 C 56 54 72 56 72 70 C 72 80 66 86 58 86 L 42 86
            C 34 86 28 80 28 70 C 28 56 44 54 43 44 Z
        clip light M 20 70 Q 50 76 80 70 L 80 74 Q 50 80 20 74 Z
        pattern
        clip shade M 60 40 Q 72 66 60 90 L 80 90 L 80 40 Z
        flat deep E 50 44 7 1.6
    """,
    "armchair": """
        ground 50 86 36
        tube wood 3 M 24 76 L 21 86 M 76 76 L 79 86
        fill main R 24 18 52 50 14
        pattern
        cline dark .8 M 50 20 L 50 56
        fill light R 26 54 48 16 6
        pattern
        fill main R 12 42 18 38 8 R 70 42 18 38 8
        pattern
        fill main R 24 66 52 14 4
        pattern
    """,
    "plant": """
        ground 50 86 22
        line fern 1.2 M 50 58 C 50 40 40 30 34 22 M 50 58 C 50 40 60 32 66 20 M 50 58 L 50 20
            M 50 58 C 44 50 32 48 24 44 M 50 58 C 56 50 68 50 76 44
        fill fern M 50 44 Q 40 26 50 10 Q 60 26 50 44 Z
        fill leaf M 46 46 Q 28 38 28 16 Q 46 24 46 46 Z M 54 46 Q 56 24 72 16 Q 72 38 54 46 Z
        fill fern M 46 55 Q 28 58 16 42 Q 36 36 46 55 Z M 54 55 Q 64 36 84 42 Q 72 58 54 55 Z
        cline leaf .7 M 44 53 Q 32 46 22 44 M 56 53 Q 68 46 78 44
        fill main M 31 62 L 69 62 L 64 83 Q 63 86 60 86 L 40 86 Q 37 86 36 83 Z
        clip shade R 20 62 60 4 0
        clip shade M 58 60 L 76 60 L 76 90 L 56 90 Z
        fill main R 28 54 44 9 2
        pattern
    """,
    "cactus": """
        ground 50 86 20
        fill leaf M 43 64 L 43 26 C 43 14 59 14 59 26 L 59 64 Z
        cline fern .8 M 48 16 L 48 66 M 54 16 L 54 66
        tube leaf 7.4 M 43 52 C 30 54 30 46 30 38
        tube leaf 7.4 M 59 46 C 72 48 71 40 71 30
        flat cream E 46 30 .5 .5 E 51 36 .5 .5 E 56 30 .5 .5 E 46 44 .5 .5 E 56 44 .5 .5
            E 51 52 .5 .5 E 30 42 .5 .5 E 71 36 .5 .5
        fill rose E 51 16 4.4 3.6 E 30 34 3 2.6
        flat sun E 51 15.4 1.6 1.4
        fill main M 33 66 L 67 66 L 63 83 Q 62 86 59 86 L 41 86 Q 38 86 37 83 Z
        clip cream M 30 74 L 35 70 L 40 74 L 45 70 L 50 74 L 55 70 L 60 74 L 65 70 L 70 74
            L 70 77 L 65 73 L 60 77 L 55 73 L 50 77 L 45 73 L 40 77 L 35 73 L 30 77 Z
        fill main R 30 60 40 8 2
    """,
    "hanging": """
        line bark 1 M 50 0 L 50 12 M 50 12 L 29 58 M 50 12 L 71 58
        fill brass E 50 12 2.4 2.4
        line fern 1 M 32 58 C 20 62 24 76 18 84 M 66 58 C 78 64 74 78 80 88 M 42 58
            C 40 46 34 44 30 38 M 58 58 C 60 46 66 44 70 40 M 50 58 L 50 34
        fill leaf M 50 52 Q 42 42 50 30 Q 58 42 50 52 Z M 42 56 Q 30 50 27 38 Q 40 42 42 56 Z
            M 58 56 Q 60 42 73 38 Q 70 50 58 56 Z
        fill main M 26 56 L 74 56 C 74 74 64 82 50 82 C 36 82 26 74 26 56 Z
        pattern
        clip shade M 60 54 Q 68 70 54 84 L 80 84 L 80 54 Z
        flat light R 25 54.6 50 4 2
        fill leaf E 23 66 3.4 2.6 E 20 74 3.4 2.6 E 18 83 3.4 2.6 E 76 67 3.4 2.6
            E 78 77 3.4 2.6 E 80 87 3.4 2.6
        fill fern E 27 61 3 2.4 E 72 61 3 2.4 E 25 71 2.6 2.2 E 73.6 73 2.6 2.2 E 17 78 2.4 2
            E 82 82 2.4 2
    """,
    "watering-can": """
        ground 48 84 27
        tube main 3.6 M 36 46 C 34 18 66 18 66 46
        tube main 4 M 68 52 C 86 48 86 78 68 74
        fill main M 34 74 L 16 38 L 20 35 L 38 58 Z
        fill light M 9 38 L 22 30 L 24 35 L 12 42 Z
        line #7fb4d8 1.2 M 9 46 L 7 52 M 14 47 L 12 55 M 19 46 L 18 51
        fill main M 32 46 L 70 46 L 72 80 Q 72 84 68 84 L 34 84 Q 30 84 30 80 Z
        clip shade M 60 44 L 78 44 L 78 88 L 58 88 Z
        clip light R 26 52 50 2 0 R 26 76 50 2 0
        flat deep E 51 46 19 3
    """,
    "trowel": """
        turn -38
        fill metal M 40 14 Q 50 2 60 14 L 61 36 Q 60 48 52.6 50 L 47.4 50 Q 40 48 39 36 Z
        cline steel 1.4 M 50 12 L 50 50
        fill steel R 48 48 4 14 1
        fill main M 46 61 L 54 61 C 58 70 54 78 56 88 Q 56 94 50 94 Q 44 94 44 88
            C 46 78 42 70 46 61 Z
        flat brass R 45.6 60 8.8 3.4 1
        cut E 50 89.6 1.3 1.3
    """,
    "seeds": """
        turn 6
        fill cream M 26 16 L 74 16 L 74 86 L 26 86 Z
        clip main R 20 14 60 14 0
        line cream 1.5 M 38 22 L 62 22
        clip dark R 20 27 60 1.2 0
        line fern 1.2 M 50 74 L 50 46 M 42 74 C 42 64 38 60 36 54 M 58 74 C 58 64 62 60 65 52
        flat leaf M 50 68 Q 43 66 41 60 Q 49 60 50 68 Z M 50 64 Q 57 62 59 56 Q 51 56 50 64 Z
        flat rose E 50 37 4 4.6 E 44.6 41 4.6 4 E 55.4 41 4.6 4 E 47 47 4 4.4 E 53 47 4 4.4
        flat sun E 50 42.6 3 3
        flat #7d8fc9 E 36 48 3 3.4 E 32.4 52 3.4 3 E 39.6 52 3.4 3 E 36 56 3 3.4
        flat cream E 36 52 1.8 1.8
        flat #dda93b E 65 46 3 3.4 E 61.4 50 3.4 3 E 68.6 50 3.4 3 E 65 54 3 3.4
        flat bark E 65 50 2 2
        line bark .9 M 38 80 L 62 80
    """,
    "birdhouse": """
        ground 50 92 10
        tube bark 5 M 50 76 L 50 92
        fill main M 30 42 L 50 22 L 70 42 L 70 76 L 30 76 Z
        cline dark .7 M 25 52 L 75 52 M 25 60 L 75 60 M 25 68 L 75 68
        fill cream M 50 12 L 80 42 L 76 47 L 50 21 L 24 47 L 20 42 Z
        fill ink E 50 48 7.6 7.6
        tube bark 2 M 50 62 L 50 63 M 50 63 L 58 64
        fill brass M 60 61 C 58 54 64 50 68 53 C 71 51 74 53 74 55 L 77 56 L 74 58
            C 73 63 66 66 60 61 Z
        flat ink E 71.4 54.4 .6 .6
        line ink .6 M 65 63 L 64 66 M 67 63 L 67 66
        tube bark 2 M 58 65 L 70 65
    """,
    "book": """
        turn 5
        fill white R 28 16 50 72 1.5
        cline shade .5 M 76 16 L 76 90 M 74.6 16 L 74.6 90
        fill main R 23 13 51 72 2
        clip dark R 20 10 8 80 0
    """,
    "fiction": """
        clip sun E 51 42 11 11
        clip #35507f M 28 52 Q 36 46 43 52 Q 50 58 58 52 Q 66 46 74 52 L 76 86 L 28 86 Z
        clip #4c7db5 M 28 60 Q 36 54 43 60 Q 50 66 58 60 Q 66 54 74 60 L 76 86 L 28 86 Z
        clip #93bfdc M 28 69 Q 36 63 43 69 Q 50 75 58 69 Q 66 63 74 69 L 76 86 L 28 86 Z
        clip dark R 20 10 8 80 0
        flat cream R 35 20 32 2.4 1.2 R 41 25 20 1.6 .8
    """,
    "cookery": """
        fill wood M 35 62 C 32 46 42 40 51 40 C 60 40 70 46 67 62 Q 51 67 35 62 Z
        cline cream 1.8 M 44 45 L 41 57 M 51 43 L 49 58 M 58 45 L 57 57
        flat cream R 35 21 32 2.4 1.2 R 41 26 20 1.6 .8 R 44 76 14 1.4 .7
    """,
    "gardening": """
        line fern 1.4 M 51 74 L 51 40
        flat leaf M 51 62 Q 38 60 35 48 Q 49 49 51 62 Z M 51 54 Q 64 52 67 40 Q 53 41 51 54 Z
            M 51 44 Q 45 38 51 30 Q 57 38 51 44 Z
        flat white R 35 19 32 2.4 1.2 R 41 24 20 1.6 .8
        flat soil M 36 74 Q 51 70 66 74 L 66 77 L 36 77 Z
    """,
    "nature": """
        flat sun E 60 42 7 7
        flat white E 42 52 6 6 E 50 48 8 8 E 58 52 6 6 R 37 51 26 7 3.5
        flat pale R 32 66 20 4 2 R 46 62 8 6 3 R 52 72 16 4 2
        flat cream R 35 21 32 2.4 1.2 R 41 26 20 1.6 .8
    """,
    "picture-book": """
        flat sun M 50 37 L 72 28 L 72 46 Z
        flat white M 46 36 L 56 36 L 59 72 L 43 72 Z
        flat #c8443d M 45.2 44 L 56.7 44 L 57.4 51 L 44.7 51 Z M 44.1 58 L 57.9 58 L 58.6 66
            L 43.5 66 Z
        flat ink R 45 32 12 4 1
        flat #c8443d M 45 32 L 51 26 L 57 32 Z
        flat fern M 29 73 Q 50 66 72 74 L 72 82 L 29 82 Z
        flat cream R 36 17.6 30 2.4 1.2 R 42 22 18 1.4 .7
    """,
    "poetry": """
        flat cream E 51 44 13 13
        flat main E 57 40 11.4 11.4
        flat cream E 38 66 .8 .8 E 62 62 1 1 E 47 72 .7 .7 E 66 30 .8 .8 E 35 30 .7 .7
            E 60 74 .7 .7
        flat cream R 36 19 30 2.2 1.1 R 44 78 14 1.4 .7
    """,
    "backpack": """
        ground 50 87 27
        tube dark 3.4 M 42 19 C 42 8 58 8 58 19
        tube deep 5 M 29 36 C 20 46 20 66 26 78 M 71 36 C 80 46 80 66 74 78
        fill main M 26 42 C 26 24 34 16 50 16 C 66 16 74 24 74 42 L 75 80 Q 75 87 68 87 L 32 87
            Q 25 87 25 80 Z
        fill light M 26 40 C 26 24 34 16 50 16 C 66 16 74 24 74 40 L 74 46 Q 50 54 26 46 Z
        fill dark R 31 58 38 24 5
        cline light 1 M 33 63 L 67 63
        tube #a8622f 2.8 M 41 42 L 41 58 M 59 42 L 59 58
        fill brass R 38.8 53 4.4 5 1 R 56.8 53 4.4 5 1
        fill cream R 45 29 10 6 1.4
    """,
    "tote": """
        tube dark 2.6 M 38 42 C 38 8 62 8 62 42
        fill main M 24 38 L 76 38 L 80 84 Q 80 87 77 87 L 23 87 Q 20 87 20 84 Z
        pattern
        clip shade R 18 36 64 5 0
        tube main 2.8 M 36 50 C 36 14 64 14 64 50
        flat contrast E 50 66 9 9
        flat main M 50 72 Q 43 70 43 62 Q 50 63 50 72 Z M 50 72 Q 57 70 57 62 Q 50 63 50 72 Z
        line main .9 M 50 74 L 50 60
    """,
    "satchel": """
        ground 50 84 33
        tube dark 2.6 M 22 46 C 24 4 76 4 78 46
        fill main R 18 36 64 48 6
        fill light M 18 42 Q 18 35 25 35 L 75 35 Q 82 35 82 42 L 82 58 Q 82 64 75 64 L 25 64
            Q 18 64 18 58 Z
        cline dark .7 M 20 58 Q 20 62 25 62 L 75 62 Q 80 62 80 58
        tube dark 4 M 34 36 L 34 70 M 66 36 L 66 70
        fill brass R 31 62 6 7 1.4 R 63 62 6 7 1.4
    """,
    "weekender": """
        ground 50 82 36
        tube #a8622f 3 M 36 46 C 36 18 64 18 64 46
        fill main M 14 52 C 14 42 20 38 28 38 L 72 38 C 80 38 86 42 86 52 L 87 74 Q 87 82 78 82
            L 22 82 Q 13 82 13 74 Z
        clip #a8622f M 10 70 L 26 70 L 30 84 L 10 84 Z M 90 70 L 74 70 L 70 84 L 90 84 Z
        cline light 1.2 M 20 44 L 80 44
        flat brass E 24 44 1.4 1.4
        tube #a8622f 3.4 M 36 46 L 36 82 M 64 46 L 64 82
        fill brass R 34 55 4 4 1 R 62 55 4 4 1
        fill cream R 45 54 10 7 1.4
    """,
    "notebook": """
        turn -8
        fill white R 28 17 48 70 2
        fill main R 25 14 49 70 3
        clip dark R 20 10 9 80 0
        flat cream R 38 27 26 13 1.6
        line ink .8 M 42 31.6 L 60 31.6 M 42 35.6 L 54 35.6
        cline deep 2 M 67 10 L 67 90
        line #c8443d 1.6 M 46 84 L 46 91 L 47.6 89.4
    """,
    "pen": """
        turn -40
        fill main R 45 8 10 40 4.6
        cline shine 1.6 M 48 12 L 48 44
        tube brass 1.8 M 54.6 12 L 54.6 34
        fill brass R 44.4 46 11.2 4 1
        fill dark M 45.4 50 L 54.6 50 L 53 74 L 47 74 Z
        fill brass M 47 74 L 53 74 Q 54 82 50 92 Q 46 82 47 74 Z
        line ink .6 M 50 80 L 50 91
        flat ink E 50 80 .9 .9
    """,
    "pencils": """
        fill #c8443d M 20 84 L 20 30 L 24 18 L 28 30 L 28 84 Z
        fill #ee7d64 M 30 84 L 30 26 L 34 14 L 38 26 L 38 84 Z
        fill #f3c640 M 40 84 L 40 32 L 44 20 L 48 32 L 48 84 Z
        fill #4b8d5b M 50 84 L 50 25 L 54 13 L 58 25 L 58 84 Z
        fill #4c7db5 M 60 84 L 60 31 L 64 19 L 68 31 L 68 84 Z
        fill #784262 M 70 84 L 70 27 L 74 15 L 78 27 L 78 84 Z
        flat wood M 20 30 L 22.7 22 L 25.3 22 L 28 30 Z M 30 26 L 32.7 18 L 35.3 18 L 38 26 Z
            M 40 32 L 42.7 24 L 45.3 24 L 48 32 Z M 50 25 L 52.7 17 L 55.3 17 L 58 25 Z M 60 31
            L 62.7 23 L 65.3 23 L 68 31 Z M 70 27 L 72.7 19 L 75.3 19 L 78 27 Z
        fill main R 15 54 68 33 3
        fill cream R 34 63 30 14 2
        line ink 1 M 40 68 L 58 68 M 43 72.6 L 55 72.6
    """,
    "tape": """
        fill #4c7db5 E 34 34 19 19
        clip #93bfdc E 34 34 15.4 15.4
        clip wood E 34 34 12 12
        fill #dda93b E 68 38 17 17
        clip #f4dc9a E 68 38 13.6 13.6
        clip wood E 68 38 10.4 10.4
        fill main E 48 68 19 19
        clip pale E 48 68 15.4 15.4
        clip wood E 48 68 12 12
        cut E 34 34 10 10 E 68 38 8.6 8.6 E 48 68 10 10
        fill #9fb594 M 66 60 L 90 56 L 88 60 L 91 63 L 67 67 Z
        clip white E 70 62 .9 .9 E 75 61 .9 .9 E 80 60.6 .9 .9 E 85 60 .9 .9
        fill #a596b9 M 70 72 L 88 70 L 86 74 L 89 77 L 70 79 Z
        cline white .8 M 72 70 L 74 80 M 77 70 L 79 80 M 82 70 L 84 80
    """,
    "letters": """
        turn -6
        fill white R 28 14 48 54 1.5
        cline #93bfdc .7 M 34 24 L 70 24 M 34 30 L 70 30 M 34 36 L 62 36
        fill cream R 16 38 68 46 2
        clip #c8443d M 16 38 L 21 38 L 16 43 Z M 29 38 L 35 38 L 32 41 L 26 41 Z M 47 38
            L 53 38 L 50 41 L 44 41 Z M 65 38 L 71 38 L 68 41 L 62 41 Z M 29 84 L 35 84 L 38 81
            L 32 81 Z M 47 84 L 53 84 L 56 81 L 50 81 Z M 65 84 L 71 84 L 74 81 L 68 81 Z
        clip #4c7db5 M 38 38 L 44 38 L 41 41 L 35 41 Z M 56 38 L 62 38 L 59 41 L 53 41 Z
            M 74 38 L 80 38 L 77 41 L 71 41 Z M 20 84 L 26 84 L 29 81 L 23 81 Z M 38 84 L 44 84
            L 47 81 L 41 81 Z M 56 84 L 62 84 L 65 81 L 59 81 Z
        fill main R 67 45 12 14 .8
        flat cream E 73 52 3.6 3.6
        line ink .9 M 26 62 L 50 62 M 26 68 L 46 68 M 26 74 L 40 74
    """,
    "scissors": """
        turn 24
        fill metal M 46 52 L 56 10 Q 61 12 59 22 L 52 56 Z
        fill steel M 54 52 L 44 10 Q 39 12 41 22 L 48 56 Z
        tube main 4.4 M 49 55 L 44 64 M 51 55 L 56 64
        fill main E 36 75 12 13 E 64 75 12 13
        cut E 36 75 8 9 E 64 75 8 9
        fill brass E 50 52 2.4 2.4
    """,
}


def stripes() -> str:
    return " ".join(f"R 0 {y} 100 2.6 0" for y in range(12, 96, 6))


def checks() -> str:
    return " ".join(f"R {x} 0 3.4 100 0" for x in range(6, 96, 9))


def dots() -> str:
    rows = ((x + (y // 7 % 2) * 4.5, y) for y in range(13, 93, 7) for x in range(5, 95, 9))
    return " ".join(f"E {x} {y} 1.3 1.3" for x, y in rows)


def speckles() -> str:
    spots = ((i * 61.803 % 100, i * 38.197 % 97, 0.25 + i % 4 * 0.1) for i in range(260))
    return " ".join(f"E {x:.2f} {y:.2f} {r:.2f} {r:.2f}" for x, y, r in spots)


PATTERNS: dict[str, tuple[tuple[str, Callable[[], str]], ...]] = {
    "striped": (("contrast", stripes),),
    "checked": (("shade", stripes), ("shade", checks)),
    "dotted": (("contrast", dots),),
    "speckled": (("deep", speckles),),
}


def rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def brightness(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def shaded(colour: Colour) -> Colour:
    return mix(colour, (62, 34, 58), 0.17)


def tinted(colour: Colour) -> Colour:
    return mix(colour, (255, 250, 232), 0.2)


def bezier(control: list[Point]) -> list[Point]:
    """Return points along a curve of any degree, all but its first."""
    return [point(control, step / 48) for step in range(1, 49)]


def point(control: list[Point], way: float) -> Point:
    """Return the point that far along a curve, by de Casteljau's halving of its corners."""
    if len(control) == 1:
        return control[0]
    between = [
        (x + (other_x - x) * way, y + (other_y - y) * way)
        for (x, y), (other_x, other_y) in pairwise(control)
    ]
    return point(between, way)


def arc(
    x: float, y: float, rx: float, ry: float, start: float = 0, stop: float = 360
) -> list[Point]:
    turns = (math.radians(degree) for degree in range(round(start), round(stop) + 1, 3))
    return [(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns]


def rounded(x: float, y: float, width: float, height: float, radius: float) -> list[Point]:
    right, low = x + width - radius, y + height - radius
    left, top = x + radius, y + radius
    corners = ((right, low, 0), (left, low, 90), (left, top, 180), (right, top, 270))
    return [p for cx, cy, turn in corners for p in arc(cx, cy, radius, radius, turn, turn + 90)]


def outlines(path: str) -> list[list[Point]]:
    """Return the lines of a path, its curves made of short straight pieces."""
    found: list[list[Point]] = []
    for command, numbers in commands(path):
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
        if command == "E":
            found.append(arc(*numbers))
        elif command == "R":
            found.append(rounded(*numbers))
        elif command == "M":
            found.append(pairs)
        elif command == "L":
            found[-1].extend(pairs)
        elif command == "Z":
            found[-1].append(found[-1][0])
        else:
            found[-1].extend(bezier([found[-1][-1], *pairs]))
    return found


def commands(path: str) -> Iterator[tuple[str, list[float]]]:
    command, numbers = "", list[float]()
    for word in path.split():
        if not word.isalpha():
            numbers.append(float(word))
            continue
        if command:
            yield command, numbers
        command, numbers = word, []
    yield command, numbers


def mirrored(lines: list[list[Point]]) -> list[list[Point]]:
    return [[(100 - x, y) for x, y in line] for line in lines]


def scaled(line: list[Point]) -> list[Point]:
    return [(x * UNIT, y * UNIT) for x, y in line]


def fraction(most: int) -> list[int]:
    """Return the table that turns 255 into `most`."""
    return [value * most // 255 for value in range(256)]


def blank() -> Image.Image:
    return Image.new("L", (SIZE * SCALE, SIZE * SCALE), 0)


def area(lines: list[list[Point]]) -> Image.Image:
    mask = blank()
    draw = ImageDraw.Draw(mask)
    for line in lines:
        draw.polygon(scaled(line), fill=255)
    return mask


def strokes(lines: list[list[Point]], width: float) -> Image.Image:
    mask = blank()
    draw = ImageDraw.Draw(mask)
    radius = width * UNIT / 2
    for line in map(scaled, lines):
        draw.line(line, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (line[0], line[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def moved(image: Image.Image, dx: float, dy: float) -> Image.Image:
    """Return the image moved, with nothing where it was."""
    result = Image.new(image.mode, image.size, 0)
    result.paste(image, (round(dx * UNIT), round(dy * UNIT)))
    return result


@dataclass
class Canvas:
    """An object as it is drawn, without what is behind it."""

    main: Colour
    patterns: list[str]
    image: Image.Image = field(
        default_factory=lambda: Image.new("RGBA", (SIZE * SCALE, SIZE * SCALE), (0, 0, 0, 0))
    )
    last: Image.Image = field(default_factory=blank)
    ground: tuple[float, float, float] | None = None
    turn: float = 0
    echo: Point | None = None

    def tone(self, name: str) -> tuple[Colour, int]:
        """Return a tone's colour and how much it covers."""
        if name in TONES:
            *colour, cover = TONES[name]
            return (colour[0], colour[1], colour[2]), cover
        if name.startswith("#"):
            return rgb(name), 255
        deep = mix(self.main, (46, 26, 50), 0.38)
        bright = brightness(self.main) > 190
        named = {
            "main": self.main,
            "dark": shaded(self.main),
            "deep": deep,
            "light": tinted(self.main),
            "pale": mix(self.main, (255, 252, 244), 0.62),
            "contrast": mix(self.main, (40, 66, 111), 0.8) if bright else (248, 241, 226),
        }
        return named[name], 255

    def paint(self, mask: Image.Image, colour: Colour, cover: int = 255) -> None:
        if cover == 255:
            self.image.paste((*colour, 255), mask=mask)
            return
        layer = Image.new("RGBA", self.image.size, (*colour, 0))
        layer.putalpha(mask.point(fraction(cover)))
        self.image.alpha_composite(layer)

    def solid(self, mask: Image.Image, name: str) -> None:
        """Paint with light from the left and shade on the right."""
        colour, cover = self.tone(name)
        self.paint(mask, colour, cover)
        self.paint(ImageChops.subtract(mask, moved(mask, -2.4, -0.8)), (40, 20, 40), 30)
        self.paint(ImageChops.subtract(mask, moved(mask, 1, 0.7)), (255, 255, 255), 72)
        self.last = mask

    def cover(self) -> None:
        """Lay the product's patterns on the last shape."""
        for pattern in self.patterns:
            for name, path in PATTERNS[pattern]:
                self.paint(ImageChops.multiply(self.last, area(outlines(path()))), *self.tone(name))

    def run(self, line: str) -> None:
        """Follow one instruction of a motif."""
        word, _, rest = line.partition(" ")
        if word == "pattern":
            self.cover()
        elif word in {"ground", "turn", "echo"}:
            self.place(word, [float(number) for number in rest.split()])
        else:
            self.draw(word.rstrip("*|"), rest, word[-1])

    def place(self, word: str, numbers: list[float]) -> None:
        if word == "ground":
            self.ground = self.ground or (numbers[0], numbers[1], numbers[2])
        elif word == "turn":
            self.turn = numbers[0]
        else:
            self.echo = (numbers[0], numbers[1])

    def draw(self, word: str, rest: str, symmetry: str) -> None:
        name = width = ""
        if word != "cut":
            name, _, rest = rest.partition(" ")
        if word in {"line", "tube", "cline"}:
            width, _, rest = rest.partition(" ")
        lines = outlines(rest)
        if symmetry == "*":
            lines += mirrored(lines)
        elif symmetry == "|":
            lines = [half + other[::-1] for half, other in zip(lines, mirrored(lines), strict=True)]
        mask = strokes(lines, float(width)) if width else area(lines)
        if word == "cut":
            self.image.paste((0, 0, 0, 0), mask=mask)
        elif word in {"fill", "tube"}:
            self.solid(mask, name)
        else:
            shown = ImageChops.multiply(mask, self.last) if word in {"clip", "cline"} else mask
            self.paint(shown, *self.tone(name))

    def finished(self) -> Image.Image:
        """Return the object in the size of the picture."""
        image = self.image
        if self.echo:
            behind = moved(image, *self.echo)
            veil = Image.new("RGBA", image.size, (50, 30, 50, 0))
            veil.putalpha(behind.getchannel("A").point(fraction(36)))
            behind.alpha_composite(veil)
            behind.alpha_composite(image)
            image = behind
        if self.turn:
            image = image.rotate(self.turn, Image.Resampling.BICUBIC)
        return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def backdrop(main: Colour, turn: int) -> tuple[Colour, Colour]:
    """Return the next wall and floor that the colour stands out from."""
    order = BACKDROPS[turn % len(BACKDROPS) :] + BACKDROPS[: turn % len(BACKDROPS)]
    pairs = [(rgb(wall), rgb(floor)) for wall, floor in order]
    pale = mix(main, (255, 255, 255), 0.75)
    apart = {pair: min(math.dist(tone, main) for tone in pair) for pair in pairs}
    enough = min(62, max(apart.values()) * 0.7)
    fit = (pair for pair in pairs if apart[pair] > enough and math.dist(pair[0], pale) > 20)
    return next(fit, pairs[0])


def scene(wall: Colour, floor: Colour, *, standing: bool) -> Image.Image:
    """Return a table before a wall, or a soft round spot to lie on."""
    image = Image.new("RGB", (SIZE * 2, SIZE * 2), wall)
    draw = ImageDraw.Draw(image)
    side = SIZE * 2 / 100
    light = mix(wall, (255, 255, 255), 0.34)
    box: Box = (12 * side, 12 * side, 88 * side, 88 * side)
    draw.ellipse(box, fill=light)
    if standing:
        draw.rectangle((0, 72 * side, SIZE * 2, SIZE * 2), fill=floor)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def shadow(canvas: Canvas, item: Image.Image) -> Image.Image:
    """How dark each point is behind the object."""
    if canvas.ground is None:
        spread = Image.new("L", item.size, 0)
        spread.paste(item.getchannel("A"), (7, 13))
        return spread.filter(ImageFilter.GaussianBlur(11)).point(fraction(60))
    x, y, radius = (number * SIZE / 100 for number in canvas.ground)
    pool = Image.new("L", item.size, 0)
    draw = ImageDraw.Draw(pool)
    draw.ellipse((x - radius, y - radius * 0.13, x + radius * 1.25, y + radius * 0.16), fill=255)
    return pool.filter(ImageFilter.GaussianBlur(8)).point(fraction(84))


def instructions(tags: tuple[str, ...]) -> list[str]:
    """Return what the motifs that the tags name say, each line with its continuation."""
    found: list[str] = []
    for line in (line.strip() for tag in tags for line in MOTIFS.get(tag, "").splitlines()):
        if line[:1].islower():
            found.append(line)
        elif line:
            found[-1] += " " + line
    return found


def picture(main: Colour, tags: tuple[str, ...], turn: int) -> Image.Image:
    canvas = Canvas(main, [tag for tag in tags if tag in PATTERNS])
    for line in instructions(tags):
        canvas.run(line)
    item = canvas.finished()
    image = scene(*backdrop(main, turn), standing=canvas.ground is not None)
    image.paste((58, 36, 52), mask=shadow(canvas, item))
    image.paste(item, mask=item)
    return image


def shown_colours(product: ProductRecord) -> list[Colour]:
    named = [variant.options.get("Colour", "") for variant in product.variants]
    names = list(dict.fromkeys(filter(None, named))) or [product.metadata["colour"]]
    return [rgb(COLOURS[name]) for name in names]


def pictures(product: ProductRecord, number: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and the picture of each medium of a product, the `number`-th of the file."""
    shown = zip(product.media, shown_colours(product), strict=False)
    for turn, (media, colour) in enumerate(shown):
        yield media.url.rpartition("/")[2], picture(colour, product.tags, number * 3 + turn)


def main() -> None:
    target = HERE / "media"
    target.mkdir(exist_ok=True)
    count = total = 0
    for number, line in enumerate((HERE / "products.jsonl").read_text("utf-8").splitlines()):
        for name, image in pictures(ProductRecord.model_validate_json(line), number):
            image.save(target / name, "WEBP", quality=QUALITY, method=6)
            count, total = count + 1, total + (target / name).stat().st_size
    sys.stdout.write(f"{count} pictures, {total} bytes\n")


if __name__ == "__main__":
    main()
