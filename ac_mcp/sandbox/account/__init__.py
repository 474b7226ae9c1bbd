"""The rest of the account: automations, campaigns, messages, forms, users, webhooks, tracking, shops."""
