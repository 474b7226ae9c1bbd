"""The rows of a contact and of what hangs on it, as recorded in 2026 (reference 3)."""

from .shapes import columns

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

# What the first update makes of the nulls of a fresh contact (reference 2.3).
CONTACT_TOUCHED = """created_by=0 updated_by=0 ua= best_send_hour=0 sms_consent=0 bounced_date=0000-00-00
rating_tstamp=0000-00-00 sms_consent_updated_at="0000-00-00 00:00:00" socialdata_lastcheck="0000-00-00 00:00:00"
deleted_at="0000-00-00 00:00:00" """

SINGLE_ONLY = "contactAutomations contactLists fieldValues geoIps deals"
NOT_IN_SIDES = f"{SINGLE_ONLY} scoreValues accountContacts"
NOT_IN_WRITES = f"""{NOT_IN_SIDES} last_click_date last_open_date last_mpp_open_date whatsapp_id whatsapp_username"""

SCORE_VALUE = columns("""
score=~ contact=~ deal=~ cdate=@now mdate=@now scoreValue=0 links=@links id=@id
""")

TRACKING_LOG = columns("""
subscriberid=~ type= value= tstamp=@now hash= links=@links id=@id contact=>subscriberid
""")

BOUNCE_LOG = columns("""
tstamp=@now bounceid=1 subscriberid=~ campaignid=0 messageid=0 codeid=0 email= error= source=
created_timestamp=^tstamp updated_timestamp=^tstamp created_by=~ updated_by=~ links=@links id=@id
bounce=>bounceid contact=>subscriberid campaign=>campaignid message=>messageid code=>codeid
""")

GEO_IP = columns("""
contact=~ campaignid=0 messageid=0 geoaddrid=~ ip4=0 tstamp=@now geoAddress=>geoaddrid links=@links id=@id
""")

GEO_ADDRESS = columns("""
ip4=0 country2= country= state= city= zip= area= lat= lon= tz= tstamp=@now links=@links id=@id
""")

CONTACT_DATA = columns("""
contact=~ tstamp=@now geoTstamp=~ geoIp4=0 geoCountry2= geo_country= geoState= geoCity= geoZip= geoArea= geoLat= geoLon=
geoTz= geoTzOffset= ga_campaign_source= ga_campaign_name= ga_campaign_medium= ga_campaign_term= ga_campaign_content=
ga_campaign_customsegment= ga_first_visit=~ ga_times_visited=0 fb_id=0 fb_name= tw_id=0
created_timestamp="0000-00-00 00:00:00" updated_timestamp="0000-00-00 00:00:00" created_by=0 updated_by=0
links=@links id=@id
""")
