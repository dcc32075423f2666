# syntax=docker/dockerfile:1
# ebb's agent for linux/amd64 and linux/arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 -t ebb .
#   docker run --rm -p 127.0.0.1:8080:8080 -e EBB_TOKEN=... -v "$PWD/runs/shapes/bundle:/bundle:ro" ebb

# TypeScript is the same for every platform: compiled once, on the machine that builds.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /ebb
COPY . .
RUN node scripts/setup.mjs && rm -rf dist/test

# Packages that run on the target platform, without those that only build, test, train, decode images or draw reports.
# No install script is needed.
FROM node:24-bookworm-slim AS packages
WORKDIR /ebb
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY --from=build /ebb/dist ./dist
# onnxruntime-node has every platform's library: keep this one's.
RUN node --input-type=module -e "await (await import('/ebb/dist/setup/prune-libraries.js')).pruneLibraries()"

# The sparse engine's native kernels, for the target platform.
FROM node:24-bookworm AS kernels
WORKDIR /ebb
COPY scripts ./scripts
COPY engine/sparse/kernels ./engine/sparse/kernels
COPY --from=build /ebb/node_modules/node-api-headers ./node_modules/node-api-headers
RUN node scripts/build-kernels.mjs

FROM node:24-bookworm-slim
WORKDIR /ebb
ENV NODE_ENV=production
# Young garbage is collected in shorter passes: see docs/agent.md.
ENV NODE_OPTIONS=--max-semi-space-size=4
COPY --from=packages /ebb/node_modules ./node_modules
COPY --from=build /ebb/package.json ./
COPY --from=build /ebb/dist ./dist
COPY --from=kernels /ebb/.kernels ./.kernels
COPY --from=build /ebb/profiles ./profiles
COPY --from=build /ebb/traces ./traces
USER node
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/v2/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js"]
# Beyond loopback the agent asks for a token: give it as EBB_TOKEN.
CMD ["run", "/bundle", "--profile", "container", "--http", "0.0.0.0:8080"]
