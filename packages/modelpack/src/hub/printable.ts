/** Controls, line and direction marks: what could rewrite the terminal or hide part of a name. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A server's text, made safe for a terminal and cut to `maxChars`. */
export function printable(text: string, maxChars = 200): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut.replace(unprintable, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** A name or value of the server in double quotes, made safe for a terminal. */
export function quoted(value: unknown): string {
  const text: unknown = typeof value === 'string' ? value : JSON.stringify(value);
  if (typeof text !== 'string') return typeof value;
  return typeof value === 'string' ? `"${printable(text)}"` : printable(text);
}

/** Scheme, host and path of a URL. The query stays out: in signed download links it is a credential. */
export function printableUrl(url: URL): string {
  return printable(`${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`, 400);
}
