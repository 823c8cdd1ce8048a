function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}

/** Words of the request itself, not of its target. */
const requestWords = wordSet(`
  please segment find show give locate detect mark identify point select pick choose highlight outline extract isolate
  mask masks get tell want need see look let image picture photo photograph scene view frame segmentation output draw
  counting counted count starting beginning going coming matches match fits description
`);

const determiners = wordSet(`
  the a an this these those my your his her its their our some any all every each either other others another whole
  entire
  i you he she it we they me him us them here there just only really very so too
  directly immediately partly partially mostly fully entirely slightly clearly almost exactly currently straight
  somewhere anywhere together
`);

const auxiliaries = wordSet(`
  is are was were be been being am do does did has have had having can could will would shall should may might must
  takes taking comes goes looks appear appears seem seems reaches reaching covers covering fills filling occupies
  occupying carries carrying holds holding wears wearing uses using touching
  standing sitting lying resting stands sits lies rests rides riding located placed positioned situated
`);

const questionWords = wordSet('where which who whose whom when why how whichever whoever');

/** Nouns without a class: a description follows, or the target is left to guess. */
const placeholders = wordSet(`
  something thing things object objects item items what anything whatever stuff one ones everything
`);

/** Words that refer to an object without its noun. */
const pronouns = wordSet('it they them');

/** The same, when no noun follows. */
const demonstratives = wordSet('this these those');

/** "A group of people": the noun that counts comes after "of". */
const measureNouns = wordSet(`
  group groups pair pairs bunch bunches slice slices piece pieces kind kinds type types sort sorts part lot lots couple
  number herd herds flock flocks row rows pile piles stack stacks set sets collection
`);

const placingPrepositions = wordSet('in on at by from off up down through within upon atop amid amidst amongst');

const prepositions = new Set([
  ...placingPrepositions,
  ...wordSet('of with to for into onto out about as like than via without except but during'),
]);

const relatives = wordSet('used made that which who whose whom where when while because if');

const relations = wordSet(`
  next close beside besides near nearby alongside behind under underneath beneath above below over between inside outside
  around among against along across opposite adjacent facing left right front back worn held
  neighbouring neighboring bordering flanked enclosed surrounded vicinity neighbourhood neighborhood possession
`);

/** Words for relations in depth, or of containment. */
const depths = wordSet('behind front rear back foreground background inside outside around through facing opposite');

/** Places in the picture, order, superlatives and counts, which choose among objects of a class. */
const placements = wordSet(`
  left right top bottom middle center centre central centrally corner front back rear upper lower half quarter quadrant
  leftmost rightmost topmost bottommost uppermost lowermost innermost outermost middlemost centremost centermost
  highest lowest foreground background closest nearest farthest furthest closer nearer further farther side sides edge
  border margin end region section position place spot distance distant gap away towards toward higher more less
  first second third fourth fifth sixth seventh eighth ninth tenth last
  biggest largest smallest tallest shortest longest widest tiniest littlest hugest massive greatest least most maximum
  minimum bigger larger smaller taller shorter longer wider size height space area extent
  two three four five six seven eight nine ten eleven twelve dozen single both several many few multiple various
`);

/** Words of size. */
const sizes = wordSet(`
  big large small little tiny huge tall short long wide narrow giant medium thin thick far
`);

/** Colour, material, pattern and age. */
const appearances = wordSet(`
  red green blue yellow white black brown grey gray pink purple violet beige golden gold silver dark light bright
  colorful colourful striped spotted
  wooden wood metal plastic leather old new young
`);

/** Words that exclude. */
const negations = wordSet(`
  not no without except excluding minus never nor neither none nothing nobody cannot cant wont isnt arent wasnt werent
  doesnt dont didnt hasnt havent
`);

const functionWords = new Set(
  [negations, requestWords, determiners, auxiliaries, questionWords, prepositions, relatives].flatMap((set) => [
    ...set,
  ]),
);

/** Words that carry no content of their own. */
export function isFunctionWord(word: string): boolean {
  return isConjunction(word) || functionWords.has(word);
}

/** Words for position, size, relation, count, colour or material. */
export function isAttributeWord(word: string): boolean {
  return isPlacementWord(word) || sizes.has(word) || appearances.has(word) || relations.has(word);
}

/** Words for colour, material, pattern or age. */
export function isAppearanceWord(word: string): boolean {
  return appearances.has(word);
}

/** Words for properties that boxes and classes do not have: colour, material, pattern, age, depth. */
export function isUntrainedWord(word: string): boolean {
  return appearances.has(word) || depths.has(word);
}

/** Words that open a request: "find …", "please show me …". */
export function isRequestWord(word: string): boolean {
  return requestWords.has(word);
}

/** Words for a place, order, superlative or count. */
export function isPlacementWord(word: string): boolean {
  return placements.has(word) || /^\d+(?:st|nd|rd|th)?$/.test(word);
}

/** "Not the red car", "without a hat": the other words alone would give the opposite answer. */
export function isNegation(word: string): boolean {
  return negations.has(word);
}

/** Words that begin a noun phrase. */
export function isDeterminer(word: string): boolean {
  return /^(?:the|an?|my|your|his|her|its|their|our|some|any|all|every|each|another|many|several|few)$/.test(word);
}

/** "It barks", "you sleep on this": the target is what the pronoun refers to, not a noun of the query. */
export function isPronoun(word: string, next: string | undefined): boolean {
  return (
    pronouns.has(word) ||
    (demonstratives.has(word) && (next === undefined || (isFunctionWord(next) && !requestWords.has(next))))
  );
}

/** "Something", "the object": a head noun that names nothing. */
export function isPlaceholder(word: string): boolean {
  return placeholders.has(word);
}

export function isMeasureNoun(word: string): boolean {
  return measureNouns.has(word);
}

export function isUniversal(word: string): boolean {
  return word === 'all' || word === 'each' || word === 'every';
}

/** Words that a place may begin with: "on the table, the cup". */
export function startsPlace(word: string): boolean {
  return (relations.has(word) || placingPrepositions.has(word)) && !isPlacementWord(word) && !startsChoice(word);
}

/** Words before the objects that a query chooses from: "the largest | of the dogs", "out of the dogs, …". */
export function startsChoice(word: string): boolean {
  return /^(?:of|out|from|among|amongst)$/.test(word);
}

export function isConjunction(word: string): boolean {
  return word === 'and' || word === 'or';
}

/** Words that begin a description of a noun other than its place: "the animal | that barks". */
export function startsDescription(word: string): boolean {
  return startsModifier(word) && !placingPrepositions.has(word) && !isPlacementWord(word) && !relations.has(word);
}

/** Words that begin a modifier after a noun: "the cup | next to the laptop". */
export function startsModifier(word: string): boolean {
  return (
    prepositions.has(word) ||
    relatives.has(word) ||
    relations.has(word) ||
    auxiliaries.has(word) ||
    (word.length > 4 && /(?:ing|ed)$/.test(word))
  );
}
