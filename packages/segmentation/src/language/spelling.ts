import { regularPlural } from './regular-plural.js';

/** A query in which misspelled words are replaced. */
export interface Respelled {
  readonly text: string;
  /** The words as they were typed. */
  readonly words: readonly string[];
}

/** Shorter words are one letter away from too many others. */
const shortestWord = 4;

/** Of plurals and verbs: “beards” is no slip where “beard” is none. */
const endings = [/s$/u, /es$/u, /d$/u, /ed$/u] as const;

/**
 * Words of English that are one letter away from a word of a class and rare enough to be several tokens of the language
 * model, most from WordNet 3.1 (Princeton University) and SCOWL.
 */
const otherWords = new Set(
  `applet baal baas baht baird balas bale bali balk ballsy bally balm bandana bards bart bata bate batis batu beau
    beda bede beech belch benched bicycler birl biro birr blear blench bloat blok bmus boas bock bonk boob boor bork
    bosk bota bottler brook bums bused busies busk buss byrd cafe caked cape cara cark carl carnot carr carroty cary
    cato catt celli cello celt chait chari charr chock chow clack clair cluck coke conch coos couched couth cowl
    crake crock crouch cuds cuke cull cusp cuss czar dicing diking dinging dinning direr doge dogy dong doug fice
    fife fora fords giraffa glans glassed glassy gloved glover grove haik hoarse hods holt hoot horde horne horsey
    horst horsy hoth kate kibe kine kith knifed meeter meier melter metier meuse meyer microwaved miter moises morse
    motorcycled moue moused mouser mousey mousse mousy muse muter oken olen omen owen paring parring parson parting
    patted pearson perking peron petted phoner phoney phonies phony piazza pitted pizzaz plait plano pliant pone
    potter pouted putted rachet racker rackety remoter remotest rickets sandwiched scissor sheen shlep shoon sian
    sigyn sion sises skids skink skit slink slop snorts sops spoof spook spool spoor sporty spouts spurts stob stoep
    stomp stoop stopes stoup stow strop swoon swop tabled taster tics tike tine toastier toddy toiler truce tuck
    twain vale valse vane vape vise wane whine wile wince winey wink wino winy wive wizes`.split(/\s+/u),
);

/**
 * Finds names of classes that were typed with one slip: a letter missing, added, wrong, or changed in place with its
 * neighbour (Damerau, 1964). The first letter is hardly ever wrong, so it has to be right.
 */
export class Spelling {
  /** Words of class names and their plurals, by the word that stands for both. */
  readonly #classWords: ReadonlyMap<string, string>;
  readonly #isKnown: (word: string) => boolean;

  /**
   * @param isKnown - whether the language model knows the word: what it has a token for is no slip
   */
  constructor(classNames: readonly string[], isKnown: (word: string) => boolean) {
    const words = classNames.flatMap((name) => name.toLowerCase().split(' '));
    this.#classWords = new Map(
      words.flatMap((word) => [word, regularPlural(word)].map((form) => [form, word] as const)),
    );
    this.#isKnown = isKnown;
  }

  /** @returns undefined where no word is a class's with a slip, or may be that of several */
  correct(query: string): Respelled | undefined {
    const words: string[] = [];
    const text = query.replaceAll(/\p{L}+/gu, (typed) => {
      const meant = this.#meantBy(typed.toLowerCase());
      if (meant === undefined) return typed;
      words.push(typed);
      return meant;
    });
    return words.length === 0 ? undefined : { text, words };
  }

  #meantBy(word: string): string | undefined {
    if (word.length < shortestWord || this.#classWords.has(word)) return undefined;
    const near = [...this.#classWords.keys()].filter((own) => isOneSlip(word, own));
    if (new Set(near.map((own) => this.#classWords.get(own))).size !== 1) return undefined;
    const stems = [word, ...endings.map((ending) => word.replace(ending, ''))];
    const isOther = stems.some((stem) => !this.#classWords.has(stem) && (this.#isKnown(stem) || otherWords.has(stem)));
    return isOther ? undefined : near[0];
  }
}

/** Whether two words with the same first letter differ by one letter, or by two neighbours in each other's place. */
function isOneSlip(typed: string, meant: string): boolean {
  if (!typed.startsWith(meant.slice(0, 1)) || Math.abs(typed.length - meant.length) > 1) return false;
  let from = 0;
  while (from < typed.length && typed[from] === meant[from]) from += 1;
  const [left, right] = [typed.slice(from), meant.slice(from)];
  if (left.length > right.length) return left.slice(1) === right;
  if (left.length < right.length) return left === right.slice(1);
  const [first = '', second = '', ...others] = right;
  return left.slice(1) === right.slice(1) || left === [second, first, ...others].join('');
}
