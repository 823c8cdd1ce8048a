const { builtinModules } = require('node:module');

/** What each folder of segmentation may import of the others; `pipelines` may import all, and nobody imports it. */
function segmentationRules(allowed) {
  return Object.entries(allowed).map(([folder, others]) => ({
    name: `segmentation-${folder}-imports`,
    severity: 'error',
    from: { path: `^packages/segmentation/src/${folder}/` },
    to: {
      path: '^packages/segmentation/src/.+/',
      pathNot: `^packages/segmentation/src/(${[`${folder}/`, ...others].join('|')})`,
    },
  }));
}

/** Import rules that the compiler does not check. Workspace packages are followed to their sources (see the tsconfig). */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'followed-to-sources',
      comment:
        'An import that ends in dist/ hides what is behind it: add its entry to .dependency-cruiser.tsconfig.json.',
      severity: 'error',
      from: {},
      to: { path: '^@tessera/|/dist/.*[.]d[.]ts$', pathNot: 'node_modules' },
    },
    {
      name: 'gateway-and-client-know-no-models',
      comment: 'Directly or through any package.',
      severity: 'error',
      from: { path: '^(services/gateway|packages/(client|cli|composition|playground))/src', pathNot: '[.]test[.]ts$' },
      to: {
        path: '^packages/(inference|segmentation|dual-encoder|bundle-builder)/|onnxruntime-node|node_modules/sharp/',
        reachable: true,
      },
    },
    {
      name: 'client-runs-in-browsers',
      comment: 'Directly or through any package.',
      severity: 'error',
      from: { path: '^packages/client/src', pathNot: '[.]test[.]ts$' },
      to: { path: `^(${builtinModules.join('|')})$`, reachable: true },
    },
    {
      name: 'worker-speaks-no-http',
      comment: 'Directly or through any package.',
      severity: 'error',
      from: { path: '^services/worker/src' },
      to: { path: '^services/gateway|node_modules/fastify/', reachable: true },
    },
    {
      name: 'traces-are-loaded-when-configured',
      comment: 'By import() alone, but for the file that @tessera/tracing loads so.',
      severity: 'error',
      from: { path: '^(packages|services)/', pathNot: '^packages/tracing/src/open-telemetry[.]ts$' },
      to: {
        path: 'node_modules/(@opentelemetry/|@fastify/otel/|bullmq-otel/)',
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
    ...segmentationRules({
      vision: [],
      language: ['vision/colour'],
      reasoning: ['vision/', 'language/'],
      answers: ['vision/', 'language/reading[.]', 'reasoning/reasoner[.]'],
    }),
  ],
  options: {
    doNotFollow: { path: '(node_modules|dist)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: '.dependency-cruiser.tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
};
