/** Which proxy a connection goes through: rules that the caller gives, or what an environment says. */
import { BlockList, isIP } from 'node:net';
import { VerifierError } from '../error.ts';

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** The proxy itself is spoken to over TLS, checked against this machine's roots. */
  readonly isSecure: boolean;
  /** "Basic …"; never shown. */
  readonly authorization: string | undefined;
}

export interface ProxyRules {
  /** For https addresses. */
  readonly secure?: Proxy | undefined;
  /** For http addresses. */
  readonly plain?: Proxy | undefined;
  /** Hosts that are asked directly: `*`, a name (and all below it), an address, a network (10.0.0.0/8); each with a port or without. */
  readonly except?: readonly string[] | undefined;
}

/**
 * HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in lower case before upper case.
 * @throws VerifierError ARGUMENT_INVALID: a proxy's address cannot be used
 */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxyRules {
  const value = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  const proxy = (...names: readonly string[]) => {
    const name = names.find((each) => value(each) !== undefined);
    return name === undefined ? undefined : parseProxy(value(name)!, name.toUpperCase());
  };
  return {
    secure: proxy('https_proxy', 'all_proxy'),
    plain: proxy('http_proxy', 'all_proxy'),
    except: (value('no_proxy') ?? '').split(/[\s,]+/).filter((entry) => entry !== ''),
  };
}

/**
 * @param text "http://name:password@proxy.example:3128"; http where no scheme is named
 * @param what where it stands, for messages: the text may hold a password
 * @throws VerifierError ARGUMENT_INVALID
 */
export function parseProxy(text: string, what = 'the proxy'): Proxy {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.hostname === '' || url.port === '0') throw refused(what, 'it is no address');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(what, `proxies of the kind ${url.protocol}// are not known`);
  const isSecure = url.protocol === 'https:';
  return {
    host: bare(url.hostname),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    isSecure,
    authorization: authorizationOf(url, what),
  };
}

/** RFC 7617 section 2: a name holds no colon, neither holds control characters. */
function authorizationOf({ username, password }: URL, what: string): string | undefined {
  if (username === '' && password === '') return undefined;
  let pair: string;
  try {
    pair = `${decodeURIComponent(username)}\u0000${decodeURIComponent(password)}`;
  } catch (cause) {
    throw refused(what, 'its name or password is not percent-encoded UTF-8', cause);
  }
  const [name = '', secret = '', ...rest] = pair.split('\u0000');
  if (rest.length > 0 || name.includes(':') || /\p{Cc}/u.test(name + secret))
    throw refused(what, 'its name or password holds a character that cannot be sent');
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}

/** @returns undefined where the host is asked directly */
export function proxyFor(url: URL, rules: ProxyRules): Proxy | undefined {
  const isSecure = url.protocol === 'https:';
  const proxy = isSecure ? rules.secure : rules.plain;
  if (!proxy) return undefined;
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  const host = bare(url.hostname).toLowerCase().replace(/\.$/, '');
  return (rules.except ?? []).some((entry) => covers(entry, host, port)) ? undefined : proxy;
}

function covers(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const { name, port: onlyPort } = splitPort(entry.toLowerCase());
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (name.includes('/')) return inNetwork(name, host);
  const address = bare(name);
  if (isIP(address) !== 0)
    return isIP(host) === isIP(address) && inNetwork(`${address}/${isIP(address) === 4 ? 32 : 128}`, host);
  const suffix = name.replace(/^\*?\.+/, '').replace(/\.$/, '');
  return suffix !== '' && isIP(host) === 0 && (host === suffix || host.endsWith(`.${suffix}`));
}

function splitPort(entry: string): { readonly name: string; readonly port: number | undefined } {
  // An IPv6 address has colons of its own: its port stands behind brackets.
  if (isIP(entry) === 6 || entry.includes('/')) return { name: entry, port: undefined };
  const [, name, port] = /^(.*):(\d{1,5})$/.exec(entry) ?? [];
  return name === undefined ? { name: entry, port: undefined } : { name, port: Number(port) };
}

function inNetwork(network: string, host: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  const version = isIP(bare(address));
  if (version === 0 || isIP(host) !== version || !/^\d{1,3}$/.test(bits)) return false;
  const length = Number(bits);
  if (length > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(bare(address), length, family);
  return list.check(host, family);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** For people: without name and password. */
export function proxyName({ host, port }: Proxy): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function refused(what: string, why: string, cause?: unknown): VerifierError {
  return new VerifierError(
    'ARGUMENT_INVALID',
    `${what}: expected an address like http://proxy.example:3128; ${why}.`,
    { cause },
  );
}
