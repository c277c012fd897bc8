/** Which address a request goes to: the scheme its kind allows, mirrors, redirects. */
import { VerifierError } from '../error.ts';
import type { ResourceKind } from '../source.ts';
import { resourceRules } from './kinds.ts';

/**
 * By kind of resource: origin ("https://kdsintf.amd.com") to what stands in for it, an origin with or without a path
 * in front ("https://mirror.example/kds"). The caller chose the mirror: http is as good as https there.
 */
export type Mirrors = Readonly<Partial<Record<ResourceKind, Readonly<Record<string, string>>>>>;

export interface Address {
  readonly url: URL;
  readonly isMirrored: boolean;
}

/** @throws VerifierError PROTOCOL_ERROR: no URL, credentials in it, or a scheme that the kind does not allow */
export function addressOf(kind: ResourceKind, text: string, mirrors: Mirrors): Address {
  const url = parseUrl(text);
  const replacement = mirrors[kind]?.[url.origin];
  if (replacement !== undefined) return { url: mirrored(url, replacement), isMirrored: true };
  requireScheme(kind, url);
  return { url, isMirrored: false };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new VerifierError('PROTOCOL_ERROR', `${show(text)} is no http or https address.`);
  if (url.username !== '' || url.password !== '')
    throw new VerifierError('PROTOCOL_ERROR', `An address with a password in it is not asked: ${url.host}.`);
  url.hash = '';
  return url;
}

function requireScheme(kind: ResourceKind, url: URL): void {
  const { name, allowsHttp } = resourceRules[kind];
  if (url.protocol === 'https:' || allowsHttp) return;
  throw new VerifierError('PROTOCOL_ERROR', `${show(url.href)}: ${name} is asked for by https only.`);
}

function mirrored(url: URL, replacement: string): URL {
  const base = parseUrl(replacement);
  const copy = new URL(base);
  copy.pathname = base.pathname.replace(/\/+$/, '') + url.pathname;
  copy.search = url.search;
  return copy;
}

/**
 * Where a redirect of a request for that kind leads. The same origin is always allowed; another host only by https,
 * from https, when it is on the kind's list.
 * @throws VerifierError REDIRECT_REFUSED or PROTOCOL_ERROR
 */
export function redirectTarget(
  kind: ResourceKind,
  from: URL,
  location: string | undefined,
  mirrors: Mirrors,
): URL {
  if (location === undefined || !URL.canParse(location, from.href))
    throw new VerifierError('PROTOCOL_ERROR', `${from.host} redirects without saying where to.`);
  const target = parseUrl(new URL(location, from).href);
  if (target.origin === from.origin) return target;
  const replacement = mirrors[kind]?.[target.origin];
  const isAllowed = replacement !== undefined || isListed(kind, target);
  const isDowngrade =
    target.protocol !== 'https:' || (from.protocol !== 'https:' && !isMirror(kind, from, mirrors));
  if (!isAllowed || isDowngrade)
    throw new VerifierError(
      'REDIRECT_REFUSED',
      `${from.host} redirects to ${target.protocol}//${target.host}, where ${resourceRules[kind].name} is not looked for.`,
    );
  return replacement === undefined ? target : mirrored(target, replacement);
}

/** Where a browser ended up, which shows the last address only. @throws VerifierError REDIRECT_REFUSED */
export function requireFinalAddress(kind: ResourceKind, asked: URL, answered: string): void {
  const final = URL.canParse(answered) ? new URL(answered) : asked;
  if (final.origin === asked.origin || (final.protocol === 'https:' && isListed(kind, final))) return;
  throw new VerifierError(
    'REDIRECT_REFUSED',
    `${asked.host} redirected to ${final.host}, where ${resourceRules[kind].name} is not looked for.`,
  );
}

function isListed(kind: ResourceKind, { hostname, port }: URL): boolean {
  return port === '' && resourceRules[kind].redirectHosts.includes(hostname);
}

function isMirror(kind: ResourceKind, { origin }: URL, mirrors: Mirrors): boolean {
  return Object.values(mirrors[kind] ?? {}).some(
    (replacement) => URL.canParse(replacement) && new URL(replacement).origin === origin,
  );
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 160));
}
