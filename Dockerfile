# Every step below was run by hand, see deploy/README.md.
#   docker build -t zhian-gateway .
#   docker run -v zhian-data:/data -v ./zhian.yaml:/etc/zhian/zhian.yaml:ro -p 1883:1883 -p 8080:8080 zhian-gateway

FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY gateway gateway
COPY drivers drivers
COPY config config
COPY simulators simulators
COPY deploy deploy
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The image has Node already: the 190 MB of the platform package go, and with them what other systems and compilers need.
RUN npm ci --omit=dev --ignore-scripts \
 && rm -rf node_modules/node-linux-* node_modules/.bin/node node_modules/@types \
      node_modules/better-sqlite3/deps node_modules/better-sqlite3/src \
 && find node_modules/better-sqlite3/prebuilds node_modules/@serialport/bindings-cpp/prebuilds \
      -mindepth 1 -maxdepth 1 ! -name 'linux-*' -exec rm -rf {} +

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="zhian-gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json LICENSE ./
COPY bin bin
COPY deploy/healthcheck.mjs deploy/
COPY --from=packages /app/node_modules node_modules
COPY --from=build /src/dist dist
# npm and yarn are not needed to run, and are one thing less to keep safe.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && mkdir /data && chown node:node /data && chmod 0700 /data
ENV NODE_ENV=production ZHIAN_DATA=/data NODE_OPTIONS=--max-old-space-size=256
USER node
VOLUME /data
EXPOSE 1883 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/deploy/healthcheck.mjs"]
ENTRYPOINT ["node", "/app/dist/gateway/main.js"]
CMD ["run", "--config", "/etc/zhian/zhian.yaml"]
