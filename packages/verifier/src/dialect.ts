/** How services publish their evidence. */

export const dialects = ['vitrine', 'tinfoil', 'blyss'] as const;
export type Dialect = (typeof dialects)[number];

export function isDialect(word: string): word is Dialect {
  return (dialects as readonly string[]).includes(word);
}
