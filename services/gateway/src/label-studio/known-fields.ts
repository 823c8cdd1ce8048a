/** The parts of a schema that say what is inside its values. */
interface Parts {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Parts>>;
  readonly items?: Parts;
  readonly maxItems?: number;
  readonly anyOf?: readonly Parts[];
}

/**
 * What a schema names of a JSON value: other fields of its objects are left out. Lists longer than the schema allows stay
 * as they are, to be refused for their length: millions of elements take seconds to look at.
 */
export function knownFields(schema: Parts, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const kind = Array.isArray(value) ? 'array' : 'object';
  const { properties, items, maxItems = Infinity } = schema.anyOf?.find(({ type }) => type === kind) ?? schema;
  if (Array.isArray(value)) {
    return items === undefined || value.length > maxItems ? value : value.map((element) => knownFields(items, element));
  }
  if (properties === undefined) return value;
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => Object.hasOwn(value, name))
      .map(([name, property]) => [name, knownFields(property, (value as Record<string, unknown>)[name])]),
  );
}
