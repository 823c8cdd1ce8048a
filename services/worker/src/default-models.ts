import type { BundleManifest, Config } from '@tessera/contracts';

/**
 * The default model of each task: the one that `TESSERA_DEFAULT_MODEL` names, else the one whose manifest has
 * `default`, else the first.
 *
 * @throws Error when there is no bundle, or the setting names an unknown model or two of one task
 */
export function chooseDefaults(
  manifests: readonly Pick<BundleManifest, 'name' | 'task' | 'default'>[],
  { TESSERA_DEFAULT_MODEL: named, MODELS_DIR: directory }: Pick<Config, 'TESSERA_DEFAULT_MODEL' | 'MODELS_DIR'>,
): ReadonlyMap<string, string> {
  if (manifests.length === 0) throw new Error(`No model bundle in ${directory}; run "npm run models" to build it.`);
  const defaults = new Map<string, string>();
  for (const name of named) {
    const manifest = manifests.find((candidate) => candidate.name === name);
    if (manifest === undefined) {
      const names = manifests.map((candidate) => candidate.name).join(', ');
      throw new Error(`TESSERA_DEFAULT_MODEL names ${name}, but ${directory} has only: ${names}.`);
    }
    if (defaults.has(manifest.task)) {
      throw new Error(`TESSERA_DEFAULT_MODEL names two models for ${manifest.task}; one task has one default.`);
    }
    defaults.set(manifest.task, name);
  }
  const shipped = manifests.filter((manifest) => manifest.default === true);
  for (const { name, task } of [...shipped, ...manifests]) if (!defaults.has(task)) defaults.set(task, name);
  return defaults;
}
