type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = Readonly<Record<string, Json>>;

/**
 * Rewrites the draft-7 forms that the validator reads into the JSON Schema 2020-12 of OpenAPI 3.1: tuples become
 * `prefixItems`, and enumerations of strings get the type string.
 */
export function toSchema2020(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(toSchema2020);
  if (!isObject(value)) return value;
  const { additionalItems, items, patternProperties, ...rest } = value;
  const result: Record<string, Json> = {};
  for (const [key, child] of Object.entries(rest)) result[key] = toSchema2020(child);
  if (items !== undefined) result[Array.isArray(items) ? 'prefixItems' : 'items'] = toSchema2020(items);
  if (additionalItems === false && Array.isArray(items)) result.maxItems = items.length;
  if (isObject(patternProperties ?? null)) {
    // How records are written: one pattern that every name matches.
    const [anyName] = Object.values(patternProperties as JsonObject);
    result.additionalProperties = toSchema2020(anyName ?? true);
  }
  const allowed = value.enum;
  if (Array.isArray(allowed) && value.type === undefined && allowed.every((item) => typeof item === 'string')) {
    result.type = 'string';
  }
  return result;
}

/**
 * Replaces every occurrence of a named schema by a reference to `#/components/schemas/<name>`, so that the document
 * shows names instead of repeating the same objects. Both must have gone through {@link toSchema2020}.
 */
export function referToComponents(value: Json, components: ReadonlyMap<string, string>, except?: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => referToComponents(item, components));
  if (!isObject(value)) return value;
  const name = components.get(canonical(value));
  if (name !== undefined && name !== except) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, referToComponents(child, components)]));
}

/** JSON text of a value with sorted keys: equal for equal values. */
export function canonical(value: Json): string {
  return JSON.stringify(value, (_key, child: Json) =>
    isObject(child)
      ? Object.fromEntries(Object.entries(child).sort(([left], [right]) => (left < right ? -1 : 1)))
      : child,
  );
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type { Json, JsonObject };
