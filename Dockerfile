# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/ac-mcp
COPY pyproject.toml README.md LICENSE ./
COPY ac_mcp ac_mcp
RUN /opt/ac-mcp/bin/pip install --no-cache-dir ".[redis]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="ac-mcp" org.opencontainers.image.licenses="MIT" \
    io.modelcontextprotocol.server.name="io.github.ac-mcp/ac-mcp"
RUN useradd --system --uid 10001 --no-create-home ac-mcp && install -d -o ac-mcp -m 700 /var/lib/ac-mcp
COPY --from=build /opt/ac-mcp /opt/ac-mcp
ENV PATH=/opt/ac-mcp/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AC_MCP_STATE_DIR=/var/lib/ac-mcp
# Containers that use one account share its limit if they share this folder.
VOLUME /var/lib/ac-mcp
USER 10001
# A server on stdio lives as long as its client; one started with --http is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["ac-mcp", "health"]
ENTRYPOINT ["ac-mcp"]
