"""Wards, rooms, departments with names, employers, and what belongs to an address behind it."""

import re
from collections.abc import Iterator, Sequence

from inference.language.identifying.vocabulary import (
    UPPER,
    is_eponym,
    is_ordinary,
    is_word,
    towns,
)

_W = rf"(?:{UPPER}[\w'’&-]{{1,40}}|{UPPER}\w{{0,2}}\.)"
_ID = r"(?:[A-Z]{0,3}&?[A-Z]?[ ]?\d{1,4}[A-Za-z]?(?:[./-]\d{1,3}[a-z]?)?|[A-Z]{1,3})\b"
_NUMBERED = (
    r"(?:Ward|Stat(?:ion|\.)|Unit|Bay|Bed|Bett|Room|Rm|rm|Zimmer|Zi\.?|Theat(?:re|er)|Suite|OR"
    r"|OP-Saal|Saal"
    r"|Flügel|Floor|Bldg\.?|Building|Haus|Pod|Endoscopy|Endoskopie|Ambulanz|Clinic"
    r"|Intensiv(?:station)?"
    r"|ITS|ICU|Wing|Tower|Cath[ ]Lab|Labou?r[ ]Ward|Kreißsaal|Trakt|Stock|Tagesklinik"
    r"|bed|bay|room|ward)"
)
_NAMED = (
    r"(?:Ward|Wing|Unit|Suite|Tower|Pavilion|Building|House|Lodge|Court|Ctr|Centre|Center"
    r"|Clinic|Hospital|Surgery"
    r"|Infirmary|Hospice|Birth[ ]Ct?r|Dept|Practice|Home|Manor|Campus|Rehab)"
)
_GERMAN_NAMED = (
    r"(?:SMZ|CCC|UKE|LKH|BKH|KH|KKH|RHK|BG|Ordination|Diagnosezentrum|Tumorzentrum|Zentrum"
    r"|Medizinzentrum"
    r"|Gesundheitszentrum|Rehazentrum|Reha(?:klinik)?|Hörsaal|Bettenhaus|Bettenhochhaus"
    r"|Pavillon|Ambulatorium|Institut"
    r"|Labor|Radiologie|Röntgeninstitut|Kantonsspital|Bezirksspital|Regionalspital|Spital"
    r"|Stadtspital|Inselspital"
    r"|Privatklinik|Landesklinikum|Kreiskrankenhaus|Stadtkrankenhaus|Gemeinschaftspraxis"
    r"|Facharztzentrum|Apotheke"
    r"|Altersheim|Altenheim|Pflegezentrum|Seniorenzentrum|Wohnheim|Stift|Autohaus|Firma|Fa\."
    r"|Bäckerei|Metzgerei"
    r"|Spedition|Gasthof|Hotel|Werk|Kanzlei|Schreinerei|Tischlerei|Garage|Restaurant|Kita|Verein)"
)
_FORMS: tuple[tuple[str, str], ...] = (
    (
        "ORGANISATION",
        rf"\b{_NUMBERED}[ \t:]{{1,2}}{_ID}"
        rf"(?:[ \t/,]{{1,2}}{_NUMBERED}[ \t:]{{0,2}}{_ID})*(?:[ \t]{_W}(?=[\s,.;)]))?",
    ),
    ("ORGANISATION", rf"\b(?:Ward|Station|Unit|Bay|Suite)[ \t](?!of\b){_W}(?:[ \t]{_W})?"),
    ("ORGANISATION", rf"\b(?:{_W}[ \t]){{1,3}}{_NAMED}\b(?:[ \t]\d?[A-Z]?\b)?"),
    (
        "ORGANISATION",
        rf"\b{_GERMAN_NAMED}[ \t](?:(?:am|an[ ]der|im|in[ ]der|der|des|zum"
        rf"|zur)[ \t])?{_W}(?:[ \t](?:am|an|im)?[ ]?{_W})?",
    ),
    (
        "ORGANISATION",
        rf"\b{UPPER}[\w]{{2,30}}(?:zentrum|heim|stift|haus|praxis|institut|klinikum|spital"
        rf"|ordination)-?(?:[ \t-]{_W}){{1,2}}",
    ),
    (
        "ORGANISATION",
        r"\b(?:Chir|Med|Int|Unf|Gyn|Neuro|Päd|Uro|HNO|Derm|Ortho|Kardio|Onko"
        r"|Radio?l?)\.[ \t]?(?:Amb|Abt|Klin|Stat|Poli)\.?\b\.?",
    ),
    (
        "ORGANISATION",
        rf"\b(?:{_W}[ \t]){{1,3}}(?:Sàrl|e\.[ ]?U\.|e\.[ ]?V\.|e\.[ ]?K\.|KGaA|plc"
        rf"|PLC|Co\.|Corp\.?|Bros\.?|& (?:Sons?|Söhne|Co\.?(?: KG)?|{_W}))(?!\w)",
    ),
    ("ORGANISATION", r"\b\d{1,2}[ ]?(?:West|North|South|East|Nord|Süd|Ost)\b"),
    (
        "ORGANISATION",
        rf"\b(?:Uni(?:klinik(?:um)?|spital)?|Frauenklinik|Kinderklinik"
        rf"|Augenklinik|Kinderspital|Univ\.-Kl(?:inik)?\.?)[ ]{_W}",
    ),
    (
        "ORGANISATION",
        r"\b(?:AKH|MHH|UKE|CHUV|USZ|KSSG|UKB|UKD|UKF|UKM|UKR|UKSH|UKGM|UMM"
        r"|UMG)(?:[ ][A-ZÄÖÜ][a-zäöü]{2,20})?\b",
    ),
    ("ORGANISATION", rf"(?<=&[ ]){_W}(?=[ \t](?:from|in|since|as|for)\b)"),
    # Where somebody works: "driver with Northline Coaches", "Fahrer b. Wr. Linien".
    (
        "ORGANISATION",
        r"\b(?:[Ww]orks?|[Ww]orking|[Ww]orked|[Ee]mployed|[Ee]mployer|[Jj]ob|[Tt]eaches"
        r"|[Dd]river|[Ww]elder|[Tt]eacher|[Cc]lerk|[Cc]ook|[Nn]urse"
        r"|[Ee]ngineer|[Mm]anager|[Aa]pprentice|[Aa]ccountant|[Rr]etired|[Ff]armer|[Bb]aker"
        r"|[Gg]uard|[Ss]tudent|[Pp]upil)(?:[ \t]\w+)?[ \t](?:at|for|by|with|from)[ \t]"
        rf"(?:the[ \t])?({_W}(?:[ \t](?:&|and|of)?[ ]?{_W}){{0,3}})",
    ),
    ("ORGANISATION", rf"\b[Ee]mployer[ \t]*:[ \t]*({_W}(?:[ \t](?:&[ ])?{_W}){{0,3}})"),
    (
        "ORGANISATION",
        r"\b(?:[Aa]rbeitet|[Bb]eschäftigt|[Tt]ätig|angestellt|Arbeitgeber|AG|Azubi|Lehrling"
        r"|Auszubildende[r]?|Fahrer(?:in)?|Verkäufer(?:in)?"
        r"|Lehrer(?:in)?|Schlosser(?:in)?|Koch|Köchin|Mechaniker(?:in)?|Schüler(?:in)?"
        r"|Student(?:in)?|Mitarbeiter(?:in)?|Angestellte[r]?|Monteur(?:in)?"
        r"|Elektriker(?:in)?|Ingenieur(?:in)?|Maurer|Bäcker(?:in)?|Kassier(?:er|erin)"
        r"|Pfleger(?:in)?|Rentner(?:in)?)(?:[ \t]*:|[ \t](?:bei|b\.|beim|im|am|an|in|d\.|der)+)"
        rf"[ \t](?:der[ \t]|dem[ \t]"
        rf"|den[ \t])?({_W}(?:[ \t](?:am[ \t])?{_W}){{0,2}}(?:,[ \t]{_W}[ \t]{_W})?)",
    ),
)
_NAMED_PLACE = re.compile(r"(?:\d\S*[ \t])?([A-ZÀ-Ž][^\d,]*?),?(?:[ ]([A-Z]{2}))?(?:[ ]\d{5})?")
_COMPILED = tuple((kind, re.compile(form)) for kind, form in _FORMS)
_ADDRESS = re.compile(
    rf"\b(?:Flat|Apt\.?|Apartment|Unit|Suite|Lot)[ \t]#?\w{{1,4}},?[ \t](?=\d)"
    r"|\b(?:Hausnummer|Haus[ \t]Nr\.|house[ \t](?:no\.|number))[ \t](\d{1,4}[a-z]?)\b"
    r"(?=[.,;)\n]|$)"
    r"|\b(?:HC|RR(?![ ]\d{2,3}/)|PO[ ]?Box|P\.O\.[ ]Box"
    r"|Rural Route)[ \t]\w{1,5}(?:[ \t]Box[ \t]\w{1,5})?(?:,[ \t][\dOlI]{5})?"
    rf"|\b{UPPER}[\w-]{{1,20}}(?:pl\.|str\.|g\.|platz|gasse|straße|strasse|weg|ring"
    rf"|allee)[ \t]\d{{1,4}}[a-z]?(?:[ \t]?/[ \t]?\w{{1,4}})*"
    rf"|\b(?:D|A|CH|FL|L|F|I|NL|PL|CZ)-\d{{4,5}}\b(?:[ \t]{UPPER}[\w-]{{2,30}})?"
    rf"|\b(?:[Rr]ue|Via|Viale|[Cc]hemin|Allée|Calle|Piazza|Quai|Route|ul\.)[ ](?:(?:de|la|des"
    rf"|du|del|della)[ ]){{0,2}}{_W}(?:[ ]{_W})?(?:[ ]\d{{1,4}}\w?)?"
    # "In der Au 3, 6020 Innsbruck": without a postcode it may be a slice or a rib.
    rf"|\b(?:Im|In[ ]der|In[ ]den|Auf[ ]der|An[ ]den|Beim|Hinterm?|Unterm?|Oberm?"
    rf"|Vor[ ]dem)[ ](?:{_W}[ ])?[A-ZÄÖÜ][a-zäöüß]{{3,20}}[ ]\d{{1,3}}[a-z]?(?=,[ ]\d{{4,5}}[ ])"
    rf"|(?:(?<=of )|(?<=at )|(?<=, )|(?<=: )|(?<=\n))\d{{1,4}}[a-zA-Z]?[ ]"
    rf"(?:{UPPER}[a-z]{{3,20}}[ ]?){{1,3}}(?=,[ ]{UPPER}[a-z]{{3,}})"
    r"|(?<=, )\d{5}(?=[,.;)\n]|$)|\b[A-Z]{1,2}\d{1,2}[A-Z]?[ ]{0,2}\d[A-Z]{2}\b"
    rf"|\b{UPPER}[a-z]{{2,20}}(?:[ ]{UPPER}[a-z]{{2,20}})?,?[ ](?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI"
    rf"|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV|NY|OH|OK|OR|PA|RI|SC"
    rf"|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY)(?=[,.;)\s])(?:[ ]\d{{5}})?"
    rf"|\b\d{{1,4}}(?:/\d{{1,3}})?[ \t](?:{_W}[ \t]){{1,3}}(?:Wynd|Brae|Vale|Green|View|Park"
    rf"|Bank|Fold|Loan|Gate|Rise|Croft|Drift|Trail|Trl|Pike"
    r"|Path|Loop|Alley|Plaza|Mews|Parade|Strand|Drove|Gardens|Crossing|Bend|Pass|Run|Point"
    r"|Cove|Glen)\b",
)
# Stations of lymph nodes are numbered as wards are.
_OF_NODES = re.compile(r"lymph|node|LK|mediast|hil[aäu]|axill|subcarin|paratrache", re.IGNORECASE)
_AROUND = 60
_LETTERED = frozenset("Endoscopy Endoskopie Ambulanz Clinic Theatre Bay Ward Room Zimmer".split())
_TAIL = re.compile(
    rf"(?:\.[ \t]\d{{1,3}}\b(?!\.))?(?:[ \t]?[,/][ \t]?(?:(?:\d\.[ \t]?(?:OG|Stock|Etage)|EG"
    rf"|DG|Stg\.?|Stiege|Tür|Top|Whg\.?|App\.?|Hs\.?|c/o|Haus)[ \t]?\w{{0,3}}"
    rf"|\d{{4,5}}\b(?:[ \t]{UPPER}[\w-]{{2,30}})?"
    rf"|\d{{1,3}}\b(?!\.\d)))+(?:[ \t](?:b\.|bei|c/o)[ \t]{_W})?(?:,[ \t]\d{{4,5}}\b)?",
)


def _is_medical(named: re.Match[str]) -> bool:
    """ "Chest PA", "Breast CA", "4 Chamber View": no street and no town of a state."""
    words = re.findall(r"[^\W\d_]{2,}", named[1])
    if named[2] and not re.search(r",|\d{5}$", named[0]):
        return named[1] not in towns()
    return bool(words) and all(is_word(word) or is_ordinary(word) for word in words)


def wards(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            group = 1 if match.lastindex else 0
            words = re.findall(r"[^\W\d_]{2,}", match[group])
            if words[:1] == ["Station"] and _OF_NODES.search(
                text[max(0, match.start() - _AROUND) : match.end() + _AROUND]
            ):
                continue
            # "Level L5", "Unit II": of the body or of a scale, where all words are of medicine.
            if (
                words
                and words[0] not in _LETTERED
                and all(is_word(word) or is_eponym(word) for word in words)
                and not re.search(r"\d", match[group])
            ):
                continue
            yield kind, match.start(group), match.end(group)
    for match in _ADDRESS.finditer(text):
        if (named := _NAMED_PLACE.fullmatch(match[0])) and _is_medical(named):
            continue
        group = 1 if match.lastindex else 0
        yield "ADDRESS", match.start(group), match.end(group)
        yield from address_tails(text, [match.end(group)])


def address_tails(text: str, ends: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """Stairs, doors, postcodes behind a street, and with whom somebody lives there."""
    for end in ends:
        if match := _TAIL.match(text, end):
            yield "ADDRESS", match.start(), match.end()
