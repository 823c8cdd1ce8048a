import type { TokenStage } from '@tessera/contracts';
import type { Stage } from '@tessera/token-pruning';

/**
 * The image tokens that each stage saw, of each query.
 *
 * @param tokens - of each query those of layer 0, then those of layer 1 …; one row when all queries saw the same
 */
export function tokenMaps(stages: readonly Stage[], tokens: readonly number[], queries: number): TokenStage[][] {
  const width = stages.reduce((sum, stage) => sum + tokensSeen(stage), 0);
  return Array.from({ length: queries }, (_, index) => {
    const start = tokens.length === width ? 0 : index * width;
    return tokenMap(stages, tokens.slice(start, start + width));
  });
}

function tokenMap(stages: readonly Stage[], tokens: readonly number[]): TokenStage[] {
  let start = 0;
  return stages.map((stage) => {
    const own = tokens.slice(start, start + stage.imageTokens);
    start += tokensSeen(stage);
    return { name: stage.name, layers: [...stage.layers], tokens: own };
  });
}

function tokensSeen({ layers: [from, to], imageTokens }: Stage): number {
  return (to - from) * imageTokens;
}
