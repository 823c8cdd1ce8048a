export interface VocabularyEntry {
  readonly id: number;
  /** Log probability. */
  readonly score: number;
}

interface TrieNode {
  readonly children: Map<string, TrieNode>;
  entry?: VocabularyEntry;
}

interface PieceMatch {
  readonly entry: VocabularyEntry;
  /** Position after the piece's last symbol. */
  readonly end: number;
}

/** Prefix tree over code points: finds every vocabulary piece that starts at a position. */
export class PieceTrie {
  readonly #root: TrieNode = { children: new Map() };

  /** Adds a piece; a later piece with the same text replaces the earlier one. */
  insert(piece: string, entry: VocabularyEntry): void {
    let node = this.#root;
    for (const symbol of piece) {
      let child = node.children.get(symbol);
      if (child === undefined) {
        child = { children: new Map() };
        node.children.set(symbol, child);
      }
      node = child;
    }
    node.entry = entry;
  }

  /** Yields the pieces that start at `symbols[start]`, shortest first. */
  *matches(symbols: readonly string[], start: number): Generator<PieceMatch> {
    let node = this.#root;
    for (let position = start; position < symbols.length; position += 1) {
      const child = node.children.get(symbols[position] ?? '');
      if (child === undefined) return;
      node = child;
      if (node.entry !== undefined) yield { entry: node.entry, end: position + 1 };
    }
  }
}
