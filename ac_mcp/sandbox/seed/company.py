"""The data of Northwind Coffee, the made-up company, in plain tables."""

from typing import Any

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

# Name, days ago (negative: in the future; empty: never), status, its name, then sent, opens, unique opens, clicks,
# unique clicks, left.
CAMPAIGNS = """January Newsletter|300|5|Completed|1160|790|431|120|88|9
February Newsletter|270|5|Completed|1204|812|455|133|97|6
March Newsletter|240|5|Completed|1231|845|472|150|104|11
Spring machine sale|210|5|Completed|980|702|401|210|162|14
Webinar invitation|60|5|Completed|640|498|288|171|130|3
Welcome mail|0|1|Automation|412|377|269|98|81|2
Summer roast preview|-7|1|Scheduled|0|0|0|0|0|0
Autumn draft||0|Draft|0|0|0|0|0|0"""

# Title, contact, stage, cents, currency, status; the other deals are random.
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


def split_rows(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.splitlines()]


# Subject, preheader and first line of the messages of the eight campaigns.
MESSAGES = """Your January cup|Three beans for short days|The days are short, the cups may be large.
February on the bar|A new grinder and an old friend|We have put a new grinder on the bar.
March notes|What arrived from Huila|The first sacks from Huila are here.
Machines at spring prices|Until Sunday|Until Sunday every two-group machine is 15% off.
You are invited: dialing in|Forty minutes, no slides|We dial in four coffees, live.
Welcome to Northwind|Where to begin|Thank you for joining us.
A first look at summer|Cold brew and a light roast|The summer roast is light and a little wild.
Autumn, unfinished||To be written."""

# Automation, type, params as JSON; six for each automation, the first with its start.
BLOCKS = """1|start|{"starts": ["20"]}
1|send|{"campaignid": 6, "sendtype": "imm", "emailname": "Welcome mail"}
1|wait|{"waittype": "for", "waittime": 7, "waitdurt": "day"}
1|addtag|{"tagIds": ["2"]}
1|goal|{"name": "Has bought", "position": "anywhere", "unmet": "end"}
1|end|{}
2|start|{"starts": ["21"]}
2|sms|{"smsid": "1"}
2|wait|{"waittype": "for", "waittime": 2, "waitdurt": "day"}
2|sitemessage|{"sitemessageid": "1"}
2|goal|{"name": "Subscribed", "position": "below", "unmet": "continue"}
2|end|{}
3|start|{"starts": ["22"]}
3|wait|{"waittype": "for", "waittime": 30, "waitdurt": "day"}
3|outboundemail|{"subject": "We have not seen you", "emailName": "Win-back"}
3|wait|{"waittype": "for", "waittime": 7, "waitdurt": "day"}
3|removetag|{"tagIds": ["4"]}
3|end|{}
4|start|{"starts": ["23"]}
4|wait|{"waittype": "for", "waittime": 1, "waitdurt": "hour"}
4|outboundemail|{"subject": "The recording", "emailName": "Webinar follow-up"}
4|addtag|{"tagIds": ["5"]}
4|start-automation|{"automation": "2"}
4|end|{}
5|start|{"starts": ["24"]}
5|if|{"segmentid": "1"}
5|outboundemail|{"subject": "A cup on us", "emailName": "Birthday treat"}
5|else|{}
5|outboundemail|{"subject": "Happy birthday", "emailName": "Birthday greeting"}
5|end|{}
6|start|{"starts": []}
6|wait|{"waittype": "for", "waittime": 1, "waitdurt": "day"}
6|outboundemail|{"subject": "Our partners", "emailName": "Partner introduction"}
6|addtag|{"tagIds": ["8"]}
6|wait|{"waittype": "for", "waittime": 3, "waitdurt": "day"}
6|end|{}"""

# Name, cents, days ago.
CONVERSIONS = """Bought in the web shop|8900|150
Asked for a quote|0|150"""

# Conversion, what triggers it, how it is compared, value, block of an automation.
CONVERSION_TRIGGERS = """1|goal|is|Has bought|5
2|page-visit|contains|/pricing|
1|order|any||"""

# Contact, conversion, trigger, converted by, its id, cents, days ago.
CONVERTED = """1|1|1|automation|1|8900|40
7|1|3|campaign|5|4300|8
1|2|2|campaign|2|0|12
2|2|2|campaign|5|0|11"""

# Section, item, user, value.
CONFIGS = """deals|default_pipeline|1|1
deals|default_pipeline|2|1
contacts|rows_per_page|1|100
reports|date_range|4|last-30-days"""

# What each campaign is sent to.
SENT_TO = "1 1 1 2 4 1 1 7"

TEMPLATES = """Plain letter|1|1
Two columns|2|1
Machine offer|2|0"""

# Title, subject, body.
RESPONSES = """Thanks for the order|Thank you|<p>Thank you, it ships tomorrow.</p>
Sample request|Your samples|<p>Three bags are on their way.</p>"""

# Phrase, how it matches, channel, lists.
EXCLUSIONS = """competitor.example|end|all|
press@harborlight.example|exact|several|2 4"""

# Name, list, header.
FORMS = """Footer sign-up|1|A letter a month
Webinar registration|4|Save your seat"""

# Name, the tag whose contacts are the members.
SEGMENTS = """VIPs|1
At risk|4
Wholesale buyers|8"""

# Name, relates to, description.
SCORES = """Engagement|contact|Opens and clicks
Fit|deal|Size and timing"""

# Score, contact, deal, value; `first_traces` adds Jane's first.
SCORE_VALUES = """1|2||12
1|3||4
1|5||48
1|7||61
1|12||27
2||1|70
2||4|85"""

ADDRESSES = """Northwind Coffee|12 Roaster Lane|Evanston|IL|60201|US|1
Northwind Coffee GmbH|Speicherstrasse 4|Hamburg||20457|DE|0"""

TASK_TYPES = """Call
Email
Lunch
Tasting"""

# Kind, id, task type, days until due (negative: overdue), done, title, note, assignee.
TASKS = """Deal|1|1|2|0|Call Jane|Walk through the revised quote|1
Deal|1|4|9|0|Tasting at Acme|Bring the decaf|2
Deal|2|2|-3|0|Send renewal terms||1
Deal|2|1|-30|1|Ask about volumes|Twelve kilos a week|1
Deal|4|3|1|0|Lunch with Łukasz|Board decides soon|3
Deal|5|1|5|0|Talk about the lease||2
Deal|8|2|-12|1|Send photographs||4
Subscriber|1|1|4|0|Invoice per location|Ask for the addresses|1
Subscriber|5|2|-1|0|Thank José for the tasting||5"""

OUTCOMES = """Interested|POSITIVE
No answer|NEUTRAL
Not interested|NEGATIVE"""

# Label, type, options.
DEAL_FIELDS = """Forecast category|dropdown|Commit,Best case,Pipeline
Machines|number|
Installation|date|
Deposit|currency|
Needs|multiselect|Training,Grinder,Water filter"""

ACCOUNT_FIELDS = """Industry|text|
Employees|number|
Contract ends|date|"""

# Owner, field, value.
DEAL_VALUES = """1|1|Commit
1|2|3
1|5|Training,Grinder
2|1|Best case
4|1|Pipeline
4|3|2026-11-02"""

ACCOUNT_VALUES = """1|1|Robotics
1|2|140
2|1|Logistics
3|1|Software
3|3|2027-03-31"""

ROLES = """Decision maker
Contributor"""

# Deal, contact, role.
PEOPLE = """1|18|1
2|23|2
4|10|1"""

# Deal, what changed, from, to, days ago.
CHANGES = """1|d_stageid|2|3|12
2|d_stageid|3|4|9
2|value|450000|480000|8
4|userid|2|3|15
6|status|0|1|6"""

# Contact, address, deal, days ago, subject, text.
EMAILS = """1|jane@acme.example|1|14|The espresso bar|Hi Jane, the revised quote is attached.
1|jane@acme.example|2|5|Renewal|Hi Jane, shall we keep the volumes?
2|bob@initech.example|3|21|Office machines|Hi Bob, three models would fit.
7|lukasz@globex.example|4|3|Before the board meets|Hi Łukasz, two slides as promised."""

# Contact, kind of visit, value.
VISITS = """2|Viewed pricing|plan=team
5|Page visit|/stories/huila
7|Page visit|/machines"""

SHOP = {
    "service": "shopkit",
    "externalid": "northwind-web",
    "name": "Northwind web shop",
    "logoUrl": "https://shop.northwind.example/logo.png",
    "linkUrl": "https://shop.northwind.example/admin",
    "listId": "1",
}

# Shop (0: all shops together), id there, e-mail, accepts marketing.
BUYERS = """1|C-101|jane@acme.example|1
1|C-102|lukasz@globex.example|0
0|0|jane@acme.example|1
0|0|lukasz@globex.example|0"""

# Customer, id in the shop, cart, state, cents, days ago.
ORDERS = """1|SO-2001||1|8900|40
1|SO-2007||1|12450|12
2|SO-2010||1|4300|8
2||K-77|2|6100|2"""

# Order, id in the shop, name, category, cents, quantity.
PRODUCTS = """1|P-11|Huila espresso, 1 kg|beans|4450|2
2|P-40|Grinder brushes|tools|1450|1
2|P-71|Barista course|courses|11000|1
3|P-15|Filter sampler|beans|4300|1
4|P-44|Hand grinder|tools|6100|1"""
SHIPPED = {"orderUrl": "https://shop.northwind.example/orders", "shippingMethod": "Parcel"}

EVENTS = ("__pagevisit", "Viewed pricing")

SCHEMA: dict[str, Any] = {
    "id": "3f2c8d1e-7a64-4b0f-9d25-6c81e0b7a914",
    "slug": "machine",
    "visibility": "private",
    "labels": {"singular": "Machine", "plural": "Machines"},
    "description": "Espresso machines at a customer",
    "createdTimestamp": "",
    "updatedTimestamp": "",
    "fields": [
        {"id": "serial", "labels": {"singular": "Serial number", "plural": "Serial numbers"}, "type": "number",
         "required": True, "scale": 0},
        {"id": "model", "labels": {"singular": "Model", "plural": "Models"}, "type": "text", "required": False,
         "scale": 0},
        {"id": "serviced", "labels": {"singular": "Last service", "plural": "Last services"}, "type": "date",
         "required": False, "scale": 0},
    ],
    "icons": {"default": "https://shop.northwind.example/icons/machine.png"},
    "relationships": [
        {"id": "primary-contact", "labels": {"singular": "Owner", "plural": "Owners"}, "description": "",
         "namespace": "contacts", "hasMany": False},
    ],
}  # fmt: skip


# External id, serial number, model, last service, contact.
MACHINES = """M-1001|1001|Linea two-group|2026-01-20|1
M-1002|1002|Linea one-group||2
M-1003|1003|Hand lever|2025-11-04|7"""


def parse_rows(text: str, *names: str) -> list[dict[str, str]]:
    return [dict(zip(names, line.split("|"), strict=True)) for line in text.splitlines()]
