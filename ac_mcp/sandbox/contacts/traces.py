"""Rows that scoring, tracking and mail delivery leave on a contact, as recorded in 2026 (reference 3)."""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.resource import Resource

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


TRACES = (
    Resource("scoreValues", "scoreValue", "ScoreValue", SCORE_VALUE, "score contact deal", verbs="", indexes="contact"),
    Resource("trackingLogs", "trackingLog", "TrackingLog", TRACKING_LOG, "contact", verbs="", indexes="subscriberid"),
    Resource(
        "bounceLogs",
        "bounceLog",
        "BounceLog",
        BOUNCE_LOG,
        "bounce contact campaign message code",
        verbs="list get",
        indexes="subscriberid",
    ),
    Resource("geoIps", "geoIp", "GeoIp", GEO_IP, "geoAddress", verbs="", indexes="contact"),
    Resource("geoAddresses", "geoAddress", "GeoAddress", GEO_ADDRESS, verbs=""),
    Resource("contactData", "contactDatum", "ContactDatum", CONTACT_DATA, verbs="list get", indexes="contact"),
)
