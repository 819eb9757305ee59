"""The small words of names: particles, titles, patronymic endings, usual short forms. Data, written by hand.

All in Latin capitals without marks. What stands here is general knowledge of naming customs (the UK Home Office and
INTERPOL publish guides to names of many countries); no list of persons was used.
"""

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PARTICLES: Final = {
    "AL": "AL", "EL": "AL", "UL": "AL", "IL": "AL", "AS": "AL", "ASH": "AL", "AR": "AL", "AD": "AL", "AN": "AL",
    "AT": "AL", "AZ": "AL", "UD": "AL", "UR": "AL", "US": "AL", "UZ": "AL",
    "BIN": "BIN", "BEN": "BIN", "IBN": "BIN", "BINT": "BINT", "BINTI": "BINT", "BTE": "BINT", "OULD": "BIN",
    "WALAD": "BIN", "AIT": "BIN",
    "VAN": "VAN", "VON": "VON", "DER": "DER", "DEN": "DEN", "DE": "DE", "DEL": "DE", "DI": "DE", "DA": "DE",
    "DO": "DE", "DOS": "DE", "DAS": "DE", "DU": "DE", "DES": "DE", "LA": "LA", "LE": "LA", "LAS": "LA", "LOS": "LA",
    "TER": "TER", "TEN": "TEN", "ZU": "ZU", "ZUM": "ZU", "ZUR": "ZU", "AF": "AF", "AV": "AF", "Y": "Y", "E": "Y",
    "ST": "SAN", "SAINT": "SAN", "SAN": "SAN", "SANTA": "SAN",
}  # fmt: skip
"""Particles, each with the one that stands for all its spellings. They say little of who somebody is."""

TITLES: Final = _set(
    "MR MRS MS MISS MISTER DR DOCTOR DOKTOR PROF PROFESSOR SIR LADY LORD DAME MADAM MME MLLE MONSIEUR HERR FRAU"
    " SRA SENOR SENORA DON DONA ENG ENGINEER ING ADV HON HONOURABLE PRESIDENT MINISTER SENATOR AMBASSADOR"
    " GENERAL COLONEL COL MAJOR CAPTAIN CAPT LT LIEUTENANT SGT SERGEANT ADMIRAL MARSHAL COMMANDER"
    " REV REVEREND FATHER BISHOP IMAM MULLAH MAULANA MAULAVI MAWLAWI MOLLA USTAD HAJI HAJJI HADJI HAJ ALHAJ"
    " SHEIKH SHAIKH SHEIK SHAYKH CHEIKH SAYYID SAYYED EMIR AMIR PRINCE PRINCESS KING QUEEN JR JUNIOR SENIOR"
    " II III SHRI SRI SMT KYAI TUAN DATO DATUK"
)
"""What stands before or behind a name and is none, unless nothing else is there."""

PATRONYMIC_ENDINGS: Final = (
    "OVICH", "EVICH", "OVYCH", "EVYCH", "YOVYCH", "OVNA", "EVNA", "IVNA", "ICHNA", "OGLU", "OGLY", "OGLI", "ULY",
    "KYZY", "QIZI", "GIZI",
)  # fmt: skip
"""East Slavic and Turkic endings of a name made from the father's; a shorter word with one is none."""

SHORT_FORMS: Final = {
    short: full
    for full, shorts in {
        "ALEXANDER": "ALEX ALEC SASHA SACHA ALEKSANDR ALEXANDR ALESSANDRO ALEJANDRO ALEXANDRE OLEKSANDR ALEKSANDAR",
        "ALBERT": "BERT", "ANDREW": "ANDY DREW ANDREI ANDREY ANDRE ANDREAS ANDRES ANDRZEJ ANDRIY",
        "ANTHONY": "TONY ANTON ANTONIO ANTOINE ANTONY", "BENJAMIN": "BEN BENNY BENJI", "CATHERINE":
        "KATE KATHERINE KATHARINA KATARINA EKATERINA CATHY KATIE KATYA YEKATERINA KATERYNA CATERINA",
        "CHARLES": "CHARLIE CARL KARL CARLOS CARLO", "CHRISTOPHER": "CHRIS", "DANIEL": "DAN DANNY",
        "DAVID": "DAVE DAWID", "DIMITRI": "DIMA DMITRY DMITRIY DMITRI DMYTRO DIMITRIS",
        "EDWARD": "ED EDDIE TED EDUARD EDUARDO", "ELIZABETH": "LIZ BETH LISA ELISABETH ELIZAVETA ELISABETTA BETTY",
        "EUGENE": "GENE EVGENY EVGENIY YEVGENY YEVGENI YEVHEN EUGEN",
        "FRANCIS": "FRANK FRANCISCO FRANCESCO FRANZ FRANCOIS",
        "GABRIEL": "GABE", "GEORGE": "JORGE GEORG GEORGI GIORGI GEORGIOS GIORGOS GEORGES GIORGIO JERZY YURI YURIY",
        "GREGORY": "GREG GRIGORY GRIGORI GREGOR GRISHA", "HENRY": "HARRY HANK HEINRICH HENRI ENRIQUE HENRIK",
        "JACOB": "JAKE JAKOB YAAKOV", "JAMES": "JIM JIMMY JAMIE", "JOHN":
        "JOHNNY JACK JOHANN JOHANNES JOHAN JUAN JEAN JAN IVAN GIOVANNI JOAO IOANNIS YANNIS IAN VANYA",
        "JOSEPH": "JOE JOEY JOSEF JOSE GIUSEPPE YOSEF JOSIP IOSIF", "LAWRENCE": "LARRY LAURENT LORENZO",
        "LEONARD": "LEO LEONARDO LEONID", "MARGARET": "MAGGIE PEGGY MARGARITA GRETA MARGUERITE",
        "MARIA": "MARY MARIE MASHA MARIYA", "MATTHEW": "MATT MATTEO MATTHIAS MATTHIEU MATEO MATVEY",
        "MICHAEL": "MIKE MICK MICKEY MISHA MIKHAIL MICHEL MIGUEL MICHELE MYKHAILO MICHAL MIKAEL",
        "NICHOLAS": "NICK NICKY NIKOLAI NIKOLAY NICOLAS NICOLA NIKOLAUS MYKOLA KOLYA NIKOLAOS",
        "PATRICK": "PAT PADDY", "PAUL": "PAULO PABLO PAVEL PAOLO PAVLO PAWEL", "PETER":
        "PETE PYOTR PETR PEDRO PIETRO PIERRE PETRO PIOTR", "PHILIP": "PHIL PHILIPPE FELIPE FILIPPO FILIPP",
        "RICHARD": "DICK RICK RICKY RICARDO RICCARDO", "ROBERT": "BOB BOBBY ROB ROBBIE ROBERTO",
        "RONALD": "RON RONNIE", "SAMUEL": "SAM SAMMY", "SERGE": "SERGEI SERGEY SERHII SERGIO SERGIY",
        "STEPHEN": "STEVE STEVEN STEFAN STEPHAN STEPAN ESTEBAN", "THEODORE": "THEO TEDDY FEDOR FYODOR",
        "THOMAS": "TOM TOMMY TOMAS TOMASZ TOMMASO", "TIMOTHY": "TIM TIMOFEY", "VLADIMIR": "VOVA VOLODYMYR WLADIMIR",
        "WILLIAM": "BILL BILLY WILL WILLY WILHELM GUILLERMO GUILLAUME", "YUSUF": "YOUSSEF YOUSEF YOUSUF",
    }.items()
    for short in shorts.split()
}  # fmt: skip
"""Usual short and sister forms of given names, each to the one that stands for it."""

COMPOUND_SURNAMES: Final = _set(
    "欧阳 歐陽 司马 司馬 诸葛 諸葛 上官 司徒 东方 東方 独孤 獨孤 南宫 南宮 夏侯 尉迟 尉遲 长孙 長孫"
    " 慕容 皇甫 令狐 宇文 公孙 公孫"
)
"""Chinese surnames of two characters; all others are taken for one."""

HANGUL_SURNAMES: Final = {
    "김": "KIM", "이": "LEE", "리": "RI", "박": "PARK", "최": "CHOI", "정": "JUNG", "강": "KANG", "조": "CHO",
    "윤": "YOON", "장": "JANG", "임": "LIM", "한": "HAN", "오": "OH", "서": "SEO", "신": "SHIN", "권": "KWON",
    "황": "HWANG", "안": "AHN", "송": "SONG", "류": "RYU", "전": "JEON", "홍": "HONG", "고": "KO", "문": "MOON",
    "양": "YANG", "손": "SON", "배": "BAE", "백": "PAEK", "허": "HEO", "유": "YOO", "남": "NAM", "심": "SHIM",
    "노": "NOH", "하": "HA", "곽": "KWAK", "성": "SUNG", "차": "CHA", "주": "JOO", "우": "WOO", "구": "KOO",
}  # fmt: skip
"""Korean surnames as passports usually write them, which no romanisation gives."""
