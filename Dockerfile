# Two images: `--target gateway` holds the gateway alone, without ONNX Runtime and models; the default one also the CPU
# worker and the embedded server, and the command decides which runs.
FROM node:20-bookworm-slim AS sources
WORKDIR /app
COPY . .

# The bundler of the page is an optional dependency's native code.
FROM sources AS page-build
RUN npm ci --workspace packages/playground --include-workspace-root && node scripts/build.js packages/playground

FROM sources AS gateway-build
COPY --from=page-build /app/packages/playground/dist packages/playground/dist
RUN npm ci --omit=optional --workspace services/gateway --include-workspace-root \
  && node scripts/build.js services/gateway \
  && npm ci --omit=optional --omit=dev --workspace services/gateway

FROM sources AS build
RUN npm ci && npm run build && npm run models && npm prune --omit=dev

FROM node:20-bookworm-slim AS runtime
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
# The user node, by number: Kubernetes checks runAsNonRoot with it.
USER 1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.PORT||3000)+'/livez').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]

FROM runtime AS gateway
COPY --from=gateway-build --chown=node:node /app /app
CMD ["node", "services/gateway/dist/main.js"]

FROM runtime
ENV DATA_DIR=/data MODELS_DIR=/app/models
USER 0
RUN mkdir /data && chown node:node /data
USER 1000
COPY --from=build --chown=node:node /app /app
VOLUME /data
CMD ["node", "services/standalone/dist/main.js"]
