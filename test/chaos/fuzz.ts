import { installSchemathesis, runSchemathesis } from '../contract/run-schemathesis.js';
import { Cluster } from './cluster.js';
import type { Scenario } from './scenario.js';

/**
 * Requests made up from the OpenAPI document, as many as asked for, until the time is up: no 5xx but the documented 503 and
 * 504, and every answer as documented.
 */
export const fuzz: Scenario = async ({ fuzzRequests, fuzzRoundS, seed }, report) => {
  if (fuzzRequests === 0) return { failures: [], figures: { requests: 0 } };
  installSchemathesis();
  const cluster = await Cluster.start({ gateways: 1, workers: 1, settings: { TESSERA_WAIT_S: '5' } });
  const [url = ''] = cluster.urls;
  try {
    let requests = 0;
    const failures: string[] = [];
    // How many requests an example takes depends on the route, so that the rounds go on until there are enough.
    for (let round = 0; requests < fuzzRequests && failures.length === 0; round++) {
      const options = ['--seed', String(seed + round), '--max-examples', '100', '--max-time', String(fuzzRoundS)];
      const { status, output } = await runSchemathesis(url, options);
      const generated = Number(/(\d+) generated/.exec(output)?.[1] ?? 0);
      requests += generated;
      report(`${requests} of ${fuzzRequests} requests`);
      if (status !== 0) failures.push(`Schemathesis ended with ${status}; its findings are above`);
      else if (generated === 0) failures.push('Schemathesis made no requests');
    }
    for (const { name, ownDeaths } of [...cluster.gateways, ...cluster.workers]) {
      if (ownDeaths > 0) failures.push(`${name} has ended by itself`);
    }
    return { failures, figures: { requests } };
  } finally {
    await cluster.stop(false);
  }
};
