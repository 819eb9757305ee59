"""Made-up people of many cultures, and how a document might write their names: for benchmarks and tests, seeded.

Names are put together from parts; no list of persons was used, and who bears such a name does so by chance. Each person
has a Latin name, one or two other spellings of it, and six of ten have the name in its original script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from hotspotd.watchlist.names.forms import form


def _split(words: str) -> list[str]:
    return words.split()


_ARABIC = (
    "محمد Muhammad Mohammed Mohamed Mohamad|أحمد Ahmad Ahmed|علي Ali Aly|حسن Hasan Hassan|حسين Husayn Hussein Hossein"
    "|عمر Umar Omar Omer|خالد Khalid Khaled|يوسف Yusuf Youssef Yousef|إبراهيم Ibrahim Ebrahim|مصطفى Mustafa Mostafa"
    "|محمود Mahmud Mahmoud|سليمان Sulayman Suleiman Soliman|طارق Tariq Tarek|سعيد Said Saeed Sayeed|كريم Karim Kareem"
    "|ناصر Nasir Nasser Naser|سالم Salim Salem|فيصل Faysal Faisal Feisal|جمال Jamal Gamal Djamel|رشيد Rashid Rachid"
    "|ماجد Majid Maged Majed|وليد Walid Waleed Oualid|بلال Bilal Belal|زياد Ziyad Ziad|منصور Mansur Mansour"
    "|قاسم Qasim Kassem Gasim|حامد Hamid Hamed|رامي Rami Ramy|سمير Samir Sameer|أنور Anwar Anouar"
    "|عادل Adil Adel|جعفر Jafar Jaafar Djaffar|صالح Salih Saleh|شريف Sharif Sherif Cherif|هشام Hisham Hicham"
)
_ARABIC_WOMEN = (
    "فاطمة Fatima Fatma Fatimah|عائشة Aisha Aicha Ayesha|مريم Maryam Mariam Meriem|زينب Zaynab Zeinab"
    "|ليلى Layla Leila"
    "|نور Nur Noor Nour|هدى Huda Houda|سلمى Salma Selma|رنا Rana|أمل Amal Amel|سعاد Suad Souad|نادية Nadiya Nadia"
)
_ARABIC_PLACES = (
    "بغدادي Baghdadi|مصري Masri|تميمي Tamimi|هاشمي Hashimi Hashemi|قرشي Qurashi Qureshi|جبوري Jaburi Jubouri"
    "|دليمي Dulaymi"
    "|شمري Shammari Chammari|عتيبي Utaybi Otaibi|حربي Harbi|غامدي Ghamdi|زهراني Zahrani|خطيب Khatib Khateeb"
    "|نجار Najjar"
    "|حداد Haddad|صباغ Sabbagh|حلبي Halabi|دمشقي Dimashqi|كردي Kurdi|تونسي Tunisi Tounsi|مغربي Maghribi Maghrebi"
    "|سوداني Sudani Soudani|يمني Yamani Yemeni|عراقي Iraqi|فارسي Farisi|بصري Basri|كوفي Kufi|رازي Razi|شامي Shami"
)
_SLAVIC = (
    "Александр Aleksandr Alexander|Сергей Sergey Sergei|Дмитрий Dmitriy Dmitry|Николай Nikolay Nikolai"
    "|Андрей Andrey Andrei"
    "|Алексей Aleksey Alexei|Иван Ivan|Михаил Mikhail Michail|Владимир Vladimir Wladimir|Юрий Yuriy Iurii Yuri"
    "|Евгений Evgeniy Yevgeny|Виктор Viktor Victor|Олег Oleg|Павел Pavel|Максим Maksim Maxim|Роман Roman|Игорь Igor"
    "|Борис Boris|Артём Artem Artyom|Григорий Grigoriy Grigory|Фёдор Fedor Fyodor|Пётр Petr Pyotr|Яков Yakov Iakov"
)
_SLAVIC_WOMEN = (
    "Анна Anna|Мария Mariya Maria|Елена Elena Yelena|Ольга Olga|Татьяна Tatyana Tatiana|Наталья Natalya Natalia"
    "|Ирина Irina|Светлана Svetlana|Екатерина Ekaterina Yekaterina|Юлия Yuliya Iuliia Julia|Оксана Oksana|Вера Vera"
)
_SLAVIC_ROOTS = _split(
    "Волк Соболь Медвед Орл Сокол Козл Баран Зайц Лис Бобр Журавл Голуб Воробь Щук Карп Ерш Дуб Берёз Сосн"
    " Ель Гриб Цвет Мороз"
    " Снег Ветр Гром Камень Песк Гор Пол Лес Болот Озер Кузнец Мельник Рыбак Пастух Ткач Гончар Плотник Черн"
    " Бел Красн Зелен Син"
    " Сед Рыж Крив Прям Толст Тонк Быстр Тих Шум Жар Холод Остр Хромч Глух Молод Стар Нов"
)
_GREEK = (
    "Γιώργος Giorgos Georgios|Νίκος Nikos|Δημήτρης Dimitris Demetris|Κώστας Kostas Costas"
    "|Γιάννης Giannis Yannis|Χρήστος Christos"
    "|Παναγιώτης Panagiotis|Βασίλης Vasilis Vassilis|Σπύρος Spyros Spiros|Θανάσης Thanasis|Ανδρέας Andreas"
    "|Μιχάλης Michalis"
)
_GREEK_WOMEN = "Μαρία Maria|Ελένη Eleni|Κατερίνα Katerina|Σοφία Sofia|Αγγελική Angeliki|Ευγενία Evgenia|Δήμητρα Dimitra"
_GREEK_ROOTS = _split(
    "Παπα Χατζη Δημη Νικολα Γεωργα Κωστα Μιχαλα Αντωνα Βασιλα Μαυρο Ασπρο Λυκο Καραγιαν Αλεξα Στεφανα Θεοδωρα"
    " Πετρα Χρηστα Αναστα"
    " Σταμα Τριανταφυλλα Λαμπρα Ραφτα Μυλωνα Ψαρα"
)
_CHINESE_SURNAMES = (
    "王 Wang Wong|李 Li Lee|张 Zhang Chang|刘 Liu Lau|陈 Chen Chan"
    "|杨 Yang|赵 Zhao Chao|黄 Huang Wong|周 Zhou Chou|吴 Wu Ng"
    "|徐 Xu Hsu|孙 Sun|胡 Hu|朱 Zhu Chu|高 Gao Kao|林 Lin Lam|何 He Ho"
    "|郭 Guo Kuo|马 Ma|罗 Luo Lo|梁 Liang Leung|宋 Song Sung"
    "|郑 Zheng Cheng|谢 Xie Hsieh|韩 Han|唐 Tang|冯 Feng Fung|曹 Cao Tsao|彭 Peng|曾 Zeng Tseng"
)
_CHINESE_SIGNS = (
    "伟 wei|芳 fang|娜 na|敏 min|静 jing|强 qiang|磊 lei|军 jun|洋 yang"
    "|勇 yong|艳 yan|杰 jie|涛 tao|明 ming|超 chao|秀 xiu|霞 xia"
    "|平 ping|刚 gang|桂 gui|英 ying|华 hua|文 wen|玉 yu|兰 lan|建 jian"
    "|国 guo|志 zhi|海 hai|春 chun|晓 xiao|红 hong|丽 li|宇 yu"
    "|浩 hao|天 tian|鹏 peng|博 bo|思 si|雨 yu|龙 long|云 yun|峰 feng|飞 fei|辉 hui|波 bo|斌 bin|东 dong"
)
_LATIN: Final = {
    # culture: (men, women, beginnings of surnames, their ends, nationalities)
    "german": (
        "Hans Peter Klaus Wolfgang Jürgen Dieter Manfred Uwe Günter Stefan Andreas Jörg Lukas Felix Björn",
        "Anna Ursula Monika Petra Elisabeth Sabine Renate Helga Jutta Käthe Lena Sofia Mia Grete",
        "Ber Stein Wald Berg Hof Mül Schnei Grün Schwarz Weiß Lang Klein Groß Feld Bach Brück Eich Lin Win",
        "ler mann der hauser bauer berg feld stein bach mayer hofer brecht hardt wald ner kamp",
        "DEU AUT CHE",
    ),
    "spanish": (
        (
            "José Antonio Manuel Francisco Juan Carlos Luis Miguel Ángel Rafael Pedro Jesús Alejandro Diego"
            " Andrés Joaquín"
        ),
        "María Carmen Ana Isabel Dolores Pilar Teresa Rosa Lucía Elena Inés Beatriz Mercedes Concepción",
        "Gar Mar Fer Rod Gon Lop San Per Her Ram Tor Dom Vas Cas Ort Rub Sua Del Mon Nav Cor Sol Val Est Ibá Zam",
        "cía tínez nández ríguez zález pez chez eda ito ero ales ana illo ado era osa ano uelo",
        "ESP MEX COL ARG PER CHL VEN",
    ),
    "portuguese": (
        "João Pedro Paulo Carlos Luís Rui Tiago Nuno Ricardo Duarte Vasco Gonçalo",
        "Maria Ana Joana Catarina Inês Beatriz Sofia Luísa Helena Graça",
        "Sil Sou San Oli Per Cos Fer Rod Alm Car Gom Mar Lop Rib Pin Tei Mou Cor",
        "va sa tos veira eira ta nandes rigues eida valho es tins to xeira ra reia",
        "PRT BRA AGO MOZ",
    ),
    "turkish": (
        "Mehmet Mustafa Ahmet Ali Hüseyin Hasan İbrahim İsmail Osman Murat Ömer Yusuf Emre Çağlar Gökhan",
        "Fatma Ayşe Emine Hatice Zeynep Elif Meryem Şerife Özlem Gülşen Yıldız",
        "Yıl Kay De Çe Şa Öz Ay Ars Do Kıl As Ko Ak Kara Sarı Gün Er Tun Bul Er",
        "maz a mir lik hin türk dın lan ğan ıç lan ç yol taş soy eş doğan çer ut kan",
        "TUR AZE",
    ),
    "vietnamese": (
        "Văn Hùng Minh Đức Tuấn Dũng Quang Hải Sơn Thành Long Phong Việt Nam",
        "Thị Lan Hoa Hương Mai Linh Thảo Ngọc Phương Trang Thu Hằng",
        "Nguyễn Trần Lê Phạm Huỳnh Phan Vũ Đặng Bùi Đỗ Hồ Ngô Dương Lý",
        "",
        "VNM",
    ),
    "west-african": (
        "Mamadou Ibrahima Ousmane Abdoulaye Moussa Amadou Seydou Boubacar Kofi Kwame Chinedu Emeka Olusegun Babatunde",
        "Aminata Fatoumata Mariam Awa Aïssatou Kadiatou Ama Akosua Ngozi Chioma Folasade Yetunde",
        "Dia Tra Cou Kei Sis Tou Bam Kon Cam Oke Ade Oba Nwa Eze Oku Men Bo Ow Asa",
        "llo oré libaly ta soko ré ba até ara ke bayo sanjo chukwu ma nkwo sah ateng usu moah",
        "MLI SEN NGA GHA CIV GIN",
    ),
    "english": (
        "James John Robert Michael William David Thomas Daniel George Edward Harry Oliver Stephen Kevin",
        "Mary Patricia Linda Barbara Elizabeth Susan Margaret Sarah Karen Emily Charlotte Grace",
        "Wil Har John Tay Tho Whi Mar Rob Wal Wri Cla Bak Hill Ash Brad Black Wood Green Hol North Ham Stan Ching",
        "son ris ston lor mas te tin erts ker ght rke er ford well ley field wick ton ham worth",
        "GBR USA AUS CAN IRL",
    ),
    "french": (
        "Jean Pierre Michel André Philippe René Louis Alain Jacques François Étienne Gérard Benoît",
        "Marie Jeanne Françoise Monique Catherine Nathalie Hélène Chloé Amélie Geneviève",
        "Du Le Mo Ber Ro Ri Ga Ma Fon Che Bo La Per Gi Re Bar Cha Des Mar",
        "pont blanc reau nard bert chard gnon thieu taine valier nnet croix rrin rault naud bier pelle champs",
        "FRA BEL CHE HTI CMR",
    ),
    "italian": (
        "Giuseppe Giovanni Antonio Mario Luigi Francesco Angelo Vincenzo Pietro Salvatore Niccolò",
        "Maria Anna Giuseppina Rosa Angela Giovanna Teresa Lucia Carmela Chiara",
        "Ros Ferr Espo Bian Rom Col Ric Mar Gre Bru Gal Con Cost Mancu Riz Lom Mor Bar",
        "si ari sito chi ano ombo ci ino co no lo ti a so zo bardi etti one elli ucci",
        "ITA",
    ),
    "indonesian": (
        "Agus Budi Bambang Slamet Joko Eko Dedi Hendra Yusuf Rudi Wahyu Teguh",
        "Siti Sri Dewi Ratna Nur Wati Endang Rina Yuni Fitri",
        "Su Har Wi Pra Nu San Ku Ha Ra Se Ma Har Wib Bud Sup",
        "tanto yono bowo setyo groho toso sumo rtono hardjo tiawan ulana jaya owo iman riyadi",
        "IDN MYS",
    ),
}
_CYRILLIC_BY_LATIN = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
        "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    }
)  # fmt: skip
_GREEK_BY_LATIN = str.maketrans(
    {
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
        "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
        "χ": "ch", "ψ": "ps", "ω": "o",
    }
)  # fmt: skip


_SYLLABLES = [first + then for first in _split("b br ch d f g gr h k l m n p r s sh st t tr v z") for then in "aeiou"]


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up person. ``names``: Latin first, each ``SURNAME, given``; those in another script as written there."""

    names: tuple[str, ...]
    born: str
    sex: str
    nationality: str


def people(count: int, seed: int) -> Iterator[Made]:
    """``count`` people, the same for the same ``seed``."""
    rng = Random(seed)
    makers: list[Callable[[Random, str], tuple[tuple[str, ...], str]]] = [_arab, _slav, _greek, _chinese]
    for _ in range(count):
        sex = "F" if rng.random() < 0.25 else "M"
        maker = makers[rng.choices(range(4), (7, 5, 1, 3))[0]] if rng.random() < 0.6 else _latin
        names, nationality = maker(rng, sex)
        born = (date(1940, 1, 1) + timedelta(days=rng.randrange(365 * 68))).isoformat()
        if rng.random() < 0.15:
            born = born[:4] if rng.random() < 0.7 else ""
        yield Made(tuple(dict.fromkeys(names)), born, sex, nationality)


def _rows(table: str) -> list[list[str]]:
    return [row.split() for row in table.split("|")]


def _pick(rng: Random, table: list[list[str]]) -> list[str]:
    # A few names are borne by very many: the square makes the first of twenty four times as likely as the others.
    return table[int(len(table) * rng.random() ** 2)]


_MEN, _WOMEN, _PLACES = _rows(_ARABIC), _rows(_ARABIC_WOMEN), _rows(_ARABIC_PLACES)
_SLAV_MEN, _SLAV_WOMEN = _rows(_SLAVIC), _rows(_SLAVIC_WOMEN)
_GREEK_MEN, _GREEK_GIRLS = _rows(_GREEK), _rows(_GREEK_WOMEN)
_HAN_SURNAMES, _HAN_SIGNS = _rows(_CHINESE_SURNAMES), _rows(_CHINESE_SIGNS)


def _arab(rng: Random, sex: str) -> tuple[tuple[str, ...], str]:
    own, father, grandfather = _pick(rng, _WOMEN if sex == "F" else _MEN), _pick(rng, _MEN), _pick(rng, _MEN)
    place = rng.choice(_PLACES)
    chain = [own, father] + ([grandfather] if rng.random() < 0.6 else [])
    article = rng.choice(("al-", "al-", "el-", "Al "))
    between = rng.choice((" ", " ", " bin " if sex == "M" else " bint "))

    def latin(spelling: int) -> str:
        given = between.join(one[min(1 + spelling, len(one) - 1)] for one in chain)
        return f"{article}{place[min(1 + spelling, len(place) - 1)]}, {given}"

    script = " ".join([one[0] for one in chain] + ["ال" + place[0]])
    return (latin(0), latin(1), script), rng.choice(_split("IRQ SYR EGY SAU JOR YEM SDN MAR DZA TUN LBY"))


def _slav(rng: Random, sex: str) -> tuple[tuple[str, ...], str]:
    own, father = _pick(rng, _SLAV_WOMEN if sex == "F" else _SLAV_MEN), _pick(rng, _SLAV_MEN)
    end = rng.choice(("ов", "ев", "ин", "ский", "енко", "ко"))
    surname = rng.choice(_SLAVIC_ROOTS) + rng.choice(("", "", "н", "ик", "уш", "ч")) + end
    patronymic = father[0].removesuffix("й").removesuffix("ь") + ("ович" if sex == "M" else "овна")
    if sex == "F":
        surname = surname.removesuffix("ский") + "ская" if end == "ский" else surname + ("а" if end[-1] in "вн" else "")
    spelt = surname.lower().translate(_CYRILLIC_BY_LATIN)
    other = spelt.replace("ya", "ia").replace("yu", "iu").replace("iy", "y")
    fathers = patronymic.lower().translate(_CYRILLIC_BY_LATIN)
    names = (
        f"{spelt.title()}, {own[1]} {fathers.title()}",
        f"{other.title()}, {own[-1]}",
        f"{surname}, {own[0]} {patronymic}",
    )
    return names, rng.choice(_split("RUS UKR BLR KAZ MDA"))


def _greek(rng: Random, sex: str) -> tuple[tuple[str, ...], str]:
    own = _pick(rng, _GREEK_GIRLS if sex == "F" else _GREEK_MEN)
    end = rng.choice(("κης", "δης", "πουλος", "ιδης", "ακος", "τσης"))
    surname = rng.choice(_GREEK_ROOTS) + rng.choice(("", "", "ρα", "νο", "δα")) + end
    spelt = surname.lower().translate(_GREEK_BY_LATIN).title()
    names = (f"{spelt}, {own[1]}", f"{spelt.replace('ch', 'h').replace('y', 'i')}, {own[-1]}", f"{surname}, {own[0]}")
    return names, rng.choice(("GRC", "GRC", "CYP"))


def _chinese(rng: Random, sex: str) -> tuple[tuple[str, ...], str]:  # noqa: ARG001 - Names do not tell the sex.
    surname = _pick(rng, _HAN_SURNAMES)
    signs = [rng.choice(_HAN_SIGNS) for _ in range(rng.choice((1, 2, 2, 2)))]
    given = "".join(one[1] for one in signs)
    names = (
        f"{surname[1]}, {given.title()}",
        f"{surname[-1]}, {'-'.join(one[1] for one in signs).title()}",
        surname[0] + "".join(one[0] for one in signs),
    )
    return names, rng.choice(_split("CHN CHN TWN SGP MYS"))


def _latin(rng: Random, sex: str) -> tuple[tuple[str, ...], str]:
    men, women, begins, ends, countries = _LATIN[rng.choice(list(_LATIN))]
    pool = (women if sex == "F" else men).split()
    given = rng.sample(pool, rng.choice((1, 1, 2, 2, 3)))
    surname = rng.choice(begins.split()) + (rng.choice(ends.split()) if ends else "")
    if rng.random() < 0.4:  # Most surnames of a long list occur a few times only.
        surname = "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((2, 3)))).title() + surname[-3:].lower()
    if countries.startswith(("ESP", "PRT")) or rng.random() < 0.1:
        surname += " " + rng.choice(begins.split()) + (rng.choice(ends.split()) if ends else "")
    elif rng.random() < 0.08:
        surname = rng.choice(("von ", "de ", "van der ", "de la ")) + surname
    names = (f"{surname}, {' '.join(given)}", f"{surname.split()[-1]}, {given[0]}")
    return names, rng.choice(countries.split())


PROBES: Final = (
    "as listed",
    "other spelling",
    "mistyped",
    "middle name missing",
    "order",
    "joined",
    "cut off",
    "initial",
)


def probe(person: Made, how: str, rng: Random) -> tuple[str, str, bool]:
    """Surname, given names as a machine readable zone might have them, and whether they were cut off."""
    latin = [name for name in person.names if not any("\u0370" <= c <= "\u06ff" or c >= "\u3000" for c in name)]
    surname, given = _zone(latin[-1] if how == "other spelling" else latin[0])
    match how:
        case "mistyped":
            surname = _mistyped(surname, rng)
        case "middle name missing":
            given = given.split()[0]
        case "order":
            surname, given = given, surname
        case "joined":
            surname, given = surname.replace(" ", ""), given.replace(" ", "")
        case "cut off":
            whole = f"{surname}  {given}"[: max(len(surname) + 3, len(surname) + 2 + len(given) * 2 // 3)]
            return surname, whole[len(surname) + 2 :], True
        case "initial":
            first, *others = given.split()
            given = " ".join([first, *(one[0] for one in others)])
    return surname, given, False


def _zone(name: str) -> tuple[str, str]:
    surname, _, given = name.partition(",")
    return form(surname).text or surname.upper(), form(given).text


def _mistyped(word: str, rng: Random) -> str:
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2:
        return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    return word[:at] + rng.choice("AEIOUNRTS") + word[at + 1 :]
