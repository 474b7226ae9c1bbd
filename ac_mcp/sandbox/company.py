"""Northwind Coffee in plain tables: who and what the seeded account knows."""

ACCOUNTS = """Acme|acme.example
Globex|globex.example
Initech|initech.example
Vandelay Imports|vandelay.example
Harbor Light Cafe|harborlight.example
Fjord Coworking|fjord.example
Casa Verde|casaverde.example
Kintsugi Studio|kintsugi.example
Lumen Offices|lumen.example
Old Mill Bakery|oldmill.example"""

# First name, last name, mailbox, account; contact 9 has no name, contact 10 no phone.
CONTACTS = """Jane|Reed|jane|Acme
Bob|Stone|bob|Initech
Omar|Haddad|omar|Initech
Zoë|Müller|zoe.mueller|Fjord Coworking
José|Álvarez|jose.alvarez|Casa Verde
Siobhán|O'Brien|siobhan|Harbor Light Cafe
Łukasz|Wójcik|lukasz|Globex
Yuki|Tanaka|yuki.tanaka|Kintsugi Studio
||info|Harbor Light Cafe
Amara|Okeke|amara|Globex
Nguyễn|Thị Mai|mai.nguyen|Lumen Offices
Björn|Åkesson|bjorn|Fjord Coworking
Chloé|Dubois|chloe|Old Mill Bakery
Priyanka|Sharma|priyanka|Globex
Mateo|García|mateo|Casa Verde
Ingrid|Solberg|ingrid|Fjord Coworking
Ahmed|El-Sayed|ahmed|Vandelay Imports
Grace|Hopwood|grace|Acme
Tomás|Novák|tomas|Lumen Offices
Elif|Kaya|elif|Vandelay Imports
Noah|Fischer|noah.fischer|Globex
Leila|Rahimi|leila|Kintsugi Studio
Kwame|Mensah|kwame|Acme
Sofia|Rossi|sofia|Old Mill Bakery
Dmitri|Volkov|dmitri|Initech
Hana|Kim|hana|Kintsugi Studio
Pedro|Santos|pedro|Casa Verde
Maja|Horvat|maja|Lumen Offices
Oliver|Brown|oliver|Harbor Light Cafe
Fatima|Zahra|fatima|Vandelay Imports
Arjun|Patel|arjun|Globex
Emma|Jensen|emma|Fjord Coworking
Lucas|Moreau|lucas|Old Mill Bakery
Aiko|Sato|aiko|Kintsugi Studio
Nia|Williams|nia|Acme
Stefan|Popescu|stefan|Lumen Offices
Carmen|Ruiz|carmen|Casa Verde
Jack|Reed|jack.reed|
Mei|Chen|mei|
Anders|Berg|anders|
Rosa|Jiménez|rosa|
Tunde|Adeyemi|tunde|
Freya|MacLeod|freya|
Ravi|Kumar|ravi|
Isabel|Costa|isabel|
Jonas|Weber|jonas|
Aaliyah|Hassan|aaliyah|
Viktor|Petrov|viktor|
Marie|Lefèvre|marie|
Daniel|Levy|daniel|
Thandiwe|Nkosi|thandiwe|
Hugo|Lindqvist|hugo|
Sara|Bianchi|sara|
Kenji|Watanabe|kenji|
Bianca|Ionescu|bianca|
Samuel|Osei|samuel|
Lena|Hoffmann|lena|
Carlos|Mendoza|carlos|
Astrid|Nilsen|astrid|
Bob|Marsh|bob.marsh|"""

TAGS = """VIP|Buys often, answer first
Customer|Has bought at least once
Trial|Tries a subscription
Churn risk|Orders less than last quarter
Webinar 2026|Signed up for the 2026 webinar
2024|First contact in 2024
VIP 2025|The VIPs of 2025
Wholesale|
Office plan|
Referral|Came through a friend
Gift card|
Espresso course|"""

LISTS = """Newsletter|You asked for our monthly newsletter.
Product updates|You asked to hear of new machines.
Trial users|You are trying a subscription.
Webinar guests|You registered for a webinar.
Partners|You sell our coffee.
Old imports|You were on an older list of ours.
Office managers|You order coffee for your office.
Barista club|You joined the club."""

USERS = """dana|Dana|Reyes
sam.okafor|Sam|Okafor
sam.kowalski|Sam|Kowalski
priya|Priya|Nair
luis|Luis|Ortega"""

STAGES = {"Sales": "Lead Qualified Proposal Negotiation Closing", "Partnerships": "Contacted Negotiation Signed"}

# Title, type, options.
FIELDS = """Plan|dropdown|Free,Team,Enterprise
Birthday|date|
Region|dropdown|Midwest,East Coast,West Coast,Europe,Asia
Seats|number|
Interests|listbox|Espresso,Filter,Tea,Courses
Referral code|text|"""

# Name, status (1 active, 2 inactive, 0 draft), several entries allowed, trigger, entered, exited.
AUTOMATIONS = """Welcome series|1|0|subscribe|412|377
Trial onboarding|1|1|tag|96|71
Win-back|2|1|none|58|58
Webinar follow-up|1|1|tag|140|133
Birthday treat|2|1|date|37|35
Partner introduction|0|0|none|0|0"""

# Name, days ago (negative: to come; empty: never), status, word, then sent, opens, unique opens, clicks,
# unique clicks, left.
CAMPAIGNS = """January Newsletter|300|5|Completed|1160|790|431|120|88|9
February Newsletter|270|5|Completed|1204|812|455|133|97|6
March Newsletter|240|5|Completed|1231|845|472|150|104|11
Spring machine sale|210|5|Completed|980|702|401|210|162|14
Webinar invitation|60|5|Completed|640|498|288|171|130|3
Welcome mail|0|1|Automation|412|377|269|98|81|2
Summer roast preview|-7|1|Scheduled|0|0|0|0|0|0
Autumn draft||0|Draft|0|0|0|0|0|0"""

# Title, contact, stage, cents, currency, status; the rest of the deals is drawn.
DEALS = """Acme espresso bar|1|3|1250000|usd|0
Acme subscription renewal|1|4|480000|usd|0
Initech office machines|2|1|365000|usd|0
Globex headquarters fit-out|7|5|12500000|usd|0
Fjord roastery partnership|12|7|8400000|eur|0
Vandelay distribution|17|8|22000000|usd|1
Casa Verde second cafe|5|2|725000|eur|0
Old Mill grinder|13|1|98000|eur|2"""

WARES = ("espresso machine", "subscription", "grinder pair", "office plan", "barista course", "bean contract")

NOTES = """Subscriber|1|Prefers calls before noon.
Subscriber|1|Wants an invoice per location.
Subscriber|5|Loved the tasting ☕🎉, bring the decaf next time.
Subscriber|3|Asked not to get the newsletter any more.
Deal|1|Sent the revised quote.
Deal|4|Board decides at the end of the quarter.
CustomerAccount|1|Fiscal year ends in March.
CustomerAccount|3|Two floors, about eighty people."""


def table(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.splitlines()]
