# The worker. Mount rule files at /app/rules and set DATABASE_URL and REDIS_URL (QUEUE_REDIS_URL for a Redis of the queue's own).

FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Install scripts only prepare the servers of demo and tests, which an image has no use for.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
RUN npm run build

FROM node:20.20.2-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
# Numbers, as Kubernetes can only check with them that it is not root; 1000 is the image's user `node`.
USER 1000:1000
# Postgres and the queue's Redis answer. A worker that is beyond help ends by itself, and with it the container.
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s --retries=3 \
  CMD ["node", "dist/main.js", "status", "--json"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["run"]
