"""The columns of a contact, as recorded in 2026 (reference 3)."""

from ac_mcp.sandbox.rest.columns import columns

CONTACT = columns("""
cdate=@now email=~ phone= firstName= lastName= orgid=0 orgname= segmentio_id= bounced_hard=0 bounced_soft=0
bounced_date=~ ip=0 ua=~ hash= socialdata_lastcheck=~ email_local= email_domain= sentcnt=0 rating_tstamp=~
gravatar=0 deleted=0 anonymized=0 adate=~ udate=@now edate=~ deleted_at=~
created_utc_timestamp=^cdate updated_utc_timestamp=^udate created_timestamp=^cdate updated_timestamp=^udate
created_by=~ updated_by=~ mpp_tracking=0 last_click_date=~ last_open_date=~ last_mpp_open_date=~
best_send_hour=~ sms_consent=~ sms_consent_updated_at=~ whatsapp_id=~ whatsapp_username=~
contactAutomations=[] contactLists=[] fieldValues=[] geoIps=[] deals=[] scoreValues=[] accountContacts=[]
links=@links id=@id organization=~
""")

CONTACT_LINKS = """bounceLogs contactAutomations?limit=2500&orders%5Blastdate%5D=DESC contactData contactGoals
contactLists contactLogs contactTags contactDeals deals fieldValues geoIps notes organization plusAppend trackingLogs
scoreValues accountContacts automationEntryCounts"""

CONTACT_SLIM = "email firstName lastName cdate udate phone orgid orgname links id organization"

# The first update of a contact replaces its nulls with these (reference 2.3).
CONTACT_TOUCHED = """created_by=0 updated_by=0 ua= best_send_hour=0 sms_consent=0 bounced_date=0000-00-00
rating_tstamp=0000-00-00 sms_consent_updated_at="0000-00-00 00:00:00" socialdata_lastcheck="0000-00-00 00:00:00"
deleted_at="0000-00-00 00:00:00" """

SINGLE_ONLY = "contactAutomations contactLists fieldValues geoIps deals"
NOT_IN_SIDES = f"{SINGLE_ONLY} scoreValues accountContacts"
NOT_IN_WRITES = f"""{NOT_IN_SIDES} last_click_date last_open_date last_mpp_open_date whatsapp_id whatsapp_username"""
