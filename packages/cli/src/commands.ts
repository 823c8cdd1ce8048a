import type { CommandTable } from './command.js';

/** The commands by their words, in the order of the help. */
export const commands: CommandTable = {
  segment: async () => (await import('./commands/segment.js')).segment,
  classify: async () => (await import('./commands/classify.js')).classify,
  models: async () => (await import('./commands/models.js')).models,
  'vocabulary train': async () => (await import('./commands/vocabulary-train.js')).vocabularyTrain,
  'vocabulary list': async () => (await import('./commands/vocabulary-list.js')).vocabularyList,
  'vocabulary show': async () => (await import('./commands/vocabulary-show.js')).vocabularyShow,
  'vocabulary delete': async () => (await import('./commands/vocabulary-delete.js')).vocabularyDelete,
  'vocabulary export': async () => (await import('./commands/vocabulary-export.js')).vocabularyExport,
  'vocabulary import': async () => (await import('./commands/vocabulary-import.js')).vocabularyImport,
  'vocabulary evaluate': async () => (await import('./commands/vocabulary-evaluate.js')).vocabularyEvaluate,
  'bundle export lisa': async () => (await import('./commands/bundle-export-lisa.js')).bundleExportLisa,
  'bundle export clip': async () => (await import('./commands/bundle-export-clip.js')).bundleExportClip,
  'bundle calibrate': async () => (await import('./commands/bundle-calibrate.js')).bundleCalibrate,
  'evaluate segment': async () => (await import('./commands/evaluate-segment.js')).evaluateSegment,
  'evaluate composition': async () => (await import('./commands/evaluate-composition.js')).evaluateComposition,
  serve: async () => (await import('./commands/serve.js')).serve,
  gateway: async () => (await import('./commands/serve.js')).gateway,
  worker: async () => (await import('./commands/serve.js')).worker,
  'keys create': async () => (await import('./commands/keys.js')).keysCreate,
  'keys list': async () => (await import('./commands/keys.js')).keysList,
  'keys webhook-secret': async () => (await import('./commands/keys.js')).keysWebhookSecret,
  'keys revoke': async () => (await import('./commands/keys.js')).keysRevoke,
  'webhooks failed': async () => (await import('./commands/webhooks.js')).webhooksFailed,
  'webhooks redeliver': async () => (await import('./commands/webhooks.js')).webhooksRedeliver,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
  completion: async () => (await import('./commands/completion.js')).completionOf(commands, Object.keys(sharedOptions)),
};

/** Options that every command has. */
export const sharedOptions = {
  url: { type: 'string' },
  'api-key': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export const defaultUrl = 'http://127.0.0.1:3000';

export const sharedHelp = {
  url: `the service; otherwise TESSERA_CLIENT_URL, or ${defaultUrl}`,
  'api-key': 'one of its API keys; otherwise TESSERA_CLIENT_API_KEY',
  help: 'show this',
};
