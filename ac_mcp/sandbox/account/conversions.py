"""Conversions, what triggers them, and the contacts that converted; no documentation names these collections."""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.resource import Resource

CONVERSIONS = (
    Resource(
        "conversions",
        "conversion",
        "Conversion",
        columns("name= value=0 currency=usd limit=0 enforcelimit=0 cdate=@now udate=@now links=@links id=@id"),
        links="contactConversions conversionTriggers",
        verbs="list get",
    ),
    Resource(
        "conversionTriggers",
        "conversionTrigger",
        "ConversionTrigger",
        columns("""conversion=~ triggerType= modifier= value= dynamic=0 retroactive=0 cdate=@now udate=@now
        automationBlock=~ links=@links id=@id"""),
        links="conversion automationBlock",
        verbs="list get",
        indexes="conversion",
    ),
    Resource(
        "contactConversions",
        "contactConversion",
        "ContactConversion",
        columns("""contact=~ conversion=~ conversion_trigger=~ convertedByType= convertedById=~ triggerType= modifier=
        value=0 currency=usd dynamic=0 cdate=@now links=@links id=@id conversiontrigger=>conversion_trigger
        convertedBy=>convertedById"""),
        links="contact conversion conversiontrigger",
        verbs="list get",
        indexes="contact",
    ),
)
