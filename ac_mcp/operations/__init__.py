"""All resources and operations, in the order in which the documentation lists them."""

from typing import Any

from ac_mcp.catalogue.build import build_operation
from ac_mcp.catalogue.entry import catalogue, route
from ac_mcp.operations.account_fields import account_fields, account_values
from ac_mcp.operations.automations import automations, contact_automations
from ac_mcp.operations.campaigns import campaign_links, campaigns
from ac_mcp.operations.changes import changes
from ac_mcp.operations.companies import account_contacts, accounts, company_contacts
from ac_mcp.operations.connections import connections
from ac_mcp.operations.contacts import contacts
from ac_mcp.operations.counting import counts
from ac_mcp.operations.deal_fields import deal_fields, deal_values
from ac_mcp.operations.deals import deals
from ac_mcp.operations.field_changes import field_options, field_relations, fields
from ac_mcp.operations.fields import field_values
from ac_mcp.operations.forms import forms
from ac_mcp.operations.jobs import jobs
from ac_mcp.operations.lists import contact_lists, lists
from ac_mcp.operations.messages import messages
from ac_mcp.operations.notes import notes
from ac_mcp.operations.overview import overview
from ac_mcp.operations.people import people, timelines
from ac_mcp.operations.pipelines import pipelines, stages
from ac_mcp.operations.rankings import campaign_summaries
from ac_mcp.operations.scores import score_values, scores
from ac_mcp.operations.segments import segments
from ac_mcp.operations.summaries import pipeline_summaries
from ac_mcp.operations.tags import contact_tags, tags
from ac_mcp.operations.tasks import task_types, tasks
from ac_mcp.operations.transfers import exports, imports
from ac_mcp.operations.users import users
from ac_mcp.operations.webhooks import webhooks
from ac_mcp.operations.whole_api import api
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    contacts, tags, contact_tags, lists, contact_lists, deals, stages, pipelines, automations, contact_automations,
    campaigns, campaign_links, messages, forms, segments, scores, score_values, users, accounts, company_contacts,
    account_contacts, fields, field_options, field_relations, field_values, deal_fields, deal_values,
    account_fields, account_values, tasks, task_types, notes, webhooks, connections, overview, changes, jobs,
    counts, pipeline_summaries, campaign_summaries, people, timelines, imports, exports, api,
)  # fmt: skip


class OperationIndex(dict[str, Operation[..., Any]]):
    """Operations by name; one that only the catalogue declares is built on first access."""

    def __missing__(self, name: str) -> Operation[..., Any]:
        """Build the operation of a catalogue entry and store it.

        Raises:
            KeyError: if the catalogue has no entry with this id.
        """
        entry = catalogue()[name]
        operation = self[name] = build_operation(entry, self.find_for_route(entry.route))
        return operation

    def find_for_route(self, entry_route: str) -> Operation[..., Any] | None:
        """Return the operation declared here for a catalogue route; a tool wins over an internal operation."""
        declared = [operation for name, operation in self.items() if "." not in name]
        same = [o for o in declared if o.resource.plane == "api" and route(o.method, o.path) == entry_route]
        return next((o for o in same if o.options.offered.as_tool), next(iter(same), None))


STEPS = OperationIndex({operation.name: operation for resource in RESOURCES for operation in resource.operations})
"""All operations by name: tools, internal operations, and those of the catalogue by their ids."""
OPERATIONS = {name: operation for name, operation in STEPS.items() if operation.options.offered.as_tool}
"""The tools by name."""
