/**
 * A Hub for tests, on 127.0.0.1: the API's real shapes, a second server as the download host, a record of every
 * request, and faults on demand. In the test's own process: `startHubServer(options)`. In a process of its own (for
 * tests that block or kill): `node hub-server.ts '<options as JSON>'` prints one line
 * `{"endpoint", "downloadEndpoint"}`, and then answers `GET /_test/requests`, `POST /_test/faults` and
 * `POST /_test/expire-links` until it is ended.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path/posix';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export type Storage = 'git' | 'lfs' | 'xet';

export interface RepoOptions {
  /** `owner/name`. */
  name: string;
  /** Path → content. */
  files?: Record<string, Uint8Array | string>;
  /** A folder whose files are served from disk, as large as they are. */
  folder?: string;
  /** Where a file is stored; default: git below `lfsFromBytes`, xet from there on. */
  storage?: Record<string, Storage>;
  /** Default 1 MiB. */
  lfsFromBytes?: number;
  /** Default: derived from names and contents. */
  commit?: string;
  /** Branches and tags besides `main`, each standing for the one commit there is. */
  refs?: string[];
  /** Requests without `Authorization: Bearer <token>` are answered with 401. */
  token?: string;
  /** Metadata is public, files answer 401 or 403 with X-Error-Code GatedRepo. */
  gated?: boolean;
  /** The names that lead here by a redirect, as after a renaming. */
  formerNames?: string[];
}

export type Route = 'revision' | 'tree' | 'resolve' | 'resolve-cache' | 'download';

export interface Fault {
  on: Route;
  /** Only for this file. */
  path?: string;
  /** Only for the n-th request (from 1) that `on` and `path` fit; default: all. */
  nth?: number;
  /** Only for the first n requests that `on` and `path` fit. */
  times?: number;
  do: FaultAction;
}

export type FaultAction =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The socket is destroyed after so many bytes of the body; without a number, before the headers. */
  | { kind: 'cut'; afterBytes?: number }
  /** Nothing more is sent after so many bytes of the body; without a number, not even headers. */
  | { kind: 'stall'; afterBytes?: number }
  | { kind: 'html' }
  /** Ends cleanly (chunked), so many bytes early. */
  | { kind: 'short-body'; missingBytes: number }
  /** Right headers (chunked), so many bytes too many. */
  | { kind: 'long-body'; extraBytes: number }
  /** One bit of the file is wrong, at this offset of the file. */
  | { kind: 'flip-byte'; atByte: number }
  | { kind: 'ignore-range' }
  | { kind: 'gzip' }
  | { kind: 'redirect'; location: string; status?: number }
  | { kind: 'redirect-loop' }
  /** Headers set on an otherwise right answer; null removes one. */
  | { kind: 'headers'; set: Record<string, string | null> }
  /** An answer of the API with this body as it is (base64 when it is not text). */
  | { kind: 'json'; body: string | { base64: string } }
  /** An answer of the API that begins like JSON and has this length. */
  | { kind: 'huge-json'; sizeBytes: number }
  /** The listing never ends; `repeat` leads to the same page for ever. */
  | { kind: 'endless-pages'; repeat?: boolean }
  /** Fields of listed entries replaced (by path; a field with null is removed), entries added at the end. */
  | { kind: 'listing'; patch?: Record<string, Record<string, unknown>>; append?: unknown[] };

export interface HubServerOptions {
  repos: RepoOptions[];
  faults?: Fault[];
  /** Entries a page of the listing; the Hub's own number is 1000. */
  pageSize?: number;
  /** File contents are sent in pieces of `chunkBytes`, with this pause after each. */
  chunkDelayMs?: number;
  /** Default 64 KiB. */
  chunkBytes?: number;
}

export interface ServedRequest {
  route: Route | 'other';
  url: string;
  /** The file, for resolve and download routes. */
  path?: string;
  headers: Record<string, string | string[] | undefined>;
  status: number;
  /** For file content: the range `[startByte, startByte + bodyBytes)` was handed to the socket. */
  startByte?: number;
  bodyBytes: number;
  /** Numbers the TCP connections of both servers. */
  connection: number;
}

export interface HubServer {
  readonly endpoint: string;
  readonly downloadEndpoint: string;
  /** In order of arrival; live. */
  readonly requests: ServedRequest[];
  /** Adds a fault; its request count begins now. Of several that fit, the first one added counts. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Every download link given so far answers 403 from now on. */
  expireLinks(): void;
  /** Content sent for a file: the ranges in order of request, without empty ones. */
  rangesServed(path: string): [startByte: number, endByte: number][];
  bytesServed(path: string): number;
  commitOf(repo: string): string;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

interface StoredFile {
  path: string;
  sizeBytes: number;
  storage: Storage;
  sha256: string;
  blobId: string;
  read(startByte: number, endByte: number): Bytes;
}

interface Repo extends RepoOptions {
  commit: string;
  stored: Map<string, StoredFile>;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  record: ServedRequest;
  fault: FaultAction | undefined;
}

export async function startHubServer(options: HubServerOptions): Promise<HubServer> {
  const repos: Repo[] = [];
  for (const repo of options.repos) repos.push(await store(repo));
  const requests: ServedRequest[] = [];
  let faults = (options.faults ?? []).map((fault) => ({ fault, seen: 0 }));
  let linkGeneration = 0;
  let connections = 0;
  const connectionIds = new WeakMap<object, number>();

  const hubSide = createServer((request, response) => void serve(request, response, routeHub));
  const downloadSide = createServer((request, response) => void serve(request, response, routeDownload));
  for (const server of [hubSide, downloadSide]) {
    server.on('connection', (socket) => connectionIds.set(socket, ++connections));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  const endpoint = originOf(hubSide);
  const downloadEndpoint = originOf(downloadSide);

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    route: (exchange: Exchange) => Promise<void>,
  ): Promise<void> {
    const record: ServedRequest = {
      route: 'other',
      url: request.url ?? '/',
      headers: request.headers,
      status: 0,
      bodyBytes: 0,
      connection: connectionIds.get(request.socket) ?? 0,
    };
    const url = new URL(record.url, endpoint);
    try {
      await route({ request, response, url, record, fault: undefined });
    } catch (failure) {
      // The client went away, or a fault cut the line; anything else is a mistake of this server.
      if (request.socket.destroyed) return;
      request.socket.destroy();
      throw failure;
    }
  }

  /** Notes the request, and picks the first fault that fits. */
  function arrive(exchange: Exchange, route: Route, path?: string): void {
    exchange.record.route = route;
    if (path !== undefined) exchange.record.path = path;
    requests.push(exchange.record);
    for (const entry of faults) {
      const { fault } = entry;
      if (fault.on !== route || (fault.path !== undefined && fault.path !== path)) continue;
      entry.seen += 1;
      if (fault.nth !== undefined && fault.nth !== entry.seen) continue;
      if (fault.times !== undefined && entry.seen > fault.times) continue;
      exchange.fault ??= fault.do;
    }
  }

  async function routeHub(exchange: Exchange): Promise<void> {
    const parts = exchange.url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (parts[0] === '_test') return control(exchange);
    if (parts[0] === 'api' && parts[1] === 'models' && parts.length === 6) return routeApi(exchange, parts);
    if (parts[0] === 'api' && parts[1] === 'resolve-cache') return routeResolveCache(exchange, parts);
    if (parts[2] === 'resolve') return routeResolve(exchange, parts);
    send(exchange, 404, { 'content-type': 'text/html' }, '<!doctype html><title>404</title>');
  }

  /** `/api/models/{owner}/{name}/{revision|tree}/{revision}` */
  async function routeApi(exchange: Exchange, parts: string[]): Promise<void> {
    const [, , owner, name, kind, revision] = parts;
    arrive(exchange, kind === 'tree' ? 'tree' : 'revision');
    if (await disturbed(exchange)) return;
    const repo = findRepo(exchange, `${owner}/${name}`);
    if (!repo) return;
    if (!hasRevision(repo, revision!)) {
      fail(exchange, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    } else if (kind === 'tree') {
      sendTree(exchange, repo);
    } else {
      const siblings = [...repo.stored.keys()].map((rfilename) => ({ rfilename }));
      const ids = { _id: '0123456789abcdef01234567', id: repo.name, modelId: repo.name };
      sendJson(exchange, {}, { ...ids, sha: repo.commit, siblings });
    }
  }

  /** `/{owner}/{name}/resolve/{revision}/{path}`: git files lead to a cache on this origin, others to the download host. */
  async function routeResolve(exchange: Exchange, parts: string[]): Promise<void> {
    const path = parts.slice(4).join('/');
    arrive(exchange, 'resolve', path);
    if (await disturbed(exchange)) return;
    const repo = findRepo(exchange, `${parts[0]}/${parts[1]}`);
    if (!repo) return;
    if (repo.gated) {
      const status = exchange.request.headers.authorization === undefined ? 401 : 403;
      fail(exchange, status, 'GatedRepo', `Access to model ${repo.name} is restricted.`);
      return;
    }
    if (!hasRevision(repo, parts[3]!)) {
      fail(exchange, 404, 'RevisionNotFound', `Invalid rev id: ${parts[3]}`);
      return;
    }
    const file = repo.stored.get(path);
    if (!file) {
      fail(exchange, 404, 'EntryNotFound', 'Entry not found');
      return;
    }
    const encodedPath = path.split('/').map(encodeURIComponent).join('/');
    const stated = { 'x-repo-commit': repo.commit, 'accept-ranges': 'bytes' };
    if (file.storage === 'git') {
      const location = `/api/resolve-cache/models/${repo.name}/${repo.commit}/${encodedPath}?etag=%22${file.blobId}%22`;
      send(exchange, 307, { ...stated, location }, `Temporary Redirect. Redirecting to ${location}`);
      return;
    }
    const link = new URL(`/${file.storage}/${file.sha256}/${encodedPath}`, downloadEndpoint);
    link.searchParams.set('repo', repo.name);
    link.searchParams.set('X-Amz-Expires', '3600');
    link.searchParams.set('Signature', `secret-signature-${linkGeneration}`);
    const linked = { 'x-linked-size': String(file.sizeBytes), 'x-linked-etag': `"${file.sha256}"` };
    const xet: Record<string, string> = file.storage === 'xet' ? { 'x-xet-hash': xetHash(file) } : {};
    const headers = { ...stated, ...linked, ...xet, location: link.href };
    send(exchange, 302, headers, `Found. Redirecting to ${link.href}`);
  }

  /** `/api/resolve-cache/models/{owner}/{name}/{commit}/{path}` */
  async function routeResolveCache(exchange: Exchange, parts: string[]): Promise<void> {
    const path = parts.slice(6).join('/');
    arrive(exchange, 'resolve-cache', path);
    if (await disturbed(exchange)) return;
    const repo = findRepo(exchange, `${parts[3]}/${parts[4]}`);
    if (!repo) return;
    const file = repo.stored.get(path);
    if (!file) {
      fail(exchange, 404, 'EntryNotFound', 'Entry not found');
      return;
    }
    await sendContent(exchange, file, { 'x-repo-commit': repo.commit });
  }

  /** `/{lfs|xet}/{sha256}/{path}?repo=…&Signature=…` on the download host, which knows no token. */
  async function routeDownload(exchange: Exchange): Promise<void> {
    const path = exchange.url.pathname.split('/').slice(3).map(decodeURIComponent).join('/');
    arrive(exchange, 'download', path);
    if (await disturbed(exchange)) return;
    const { searchParams } = exchange.url;
    if (searchParams.get('Signature') !== `secret-signature-${linkGeneration}`) {
      const words = '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>';
      send(exchange, 403, { 'content-type': 'application/xml' }, words);
      return;
    }
    const file = repos.find((repo) => repo.name === searchParams.get('repo'))?.stored.get(path);
    if (!file) {
      send(exchange, 404, { 'content-type': 'application/xml' }, '<Error/>');
      return;
    }
    await sendContent(exchange, file, {});
  }

  /** Finds the repository this request may see, or answers it. */
  function findRepo(exchange: Exchange, name: string): Repo | undefined {
    const { authorization } = exchange.request.headers;
    const renamed = repos.find((repo) => repo.formerNames?.includes(name));
    if (renamed) {
      const location = exchange.record.url.replace(`/${name}/`, `/${renamed.name}/`);
      send(exchange, 307, { location }, `Temporary Redirect. Redirecting to ${location}`);
      return undefined;
    }
    const repo = repos.find((candidate) => candidate.name === name);
    if (repo && (repo.token === undefined || authorization === `Bearer ${repo.token}`)) return repo;
    if (authorization === undefined) fail(exchange, 401, 'RepoNotFound', 'Invalid username or password.');
    else if (repo) fail(exchange, 401, undefined, 'Invalid credentials in Authorization header');
    else fail(exchange, 404, 'RepoNotFound', 'Repository not found');
    return undefined;
  }

  function sendTree(exchange: Exchange, repo: Repo): void {
    const { url, fault } = exchange;
    const pageSize = Math.min(Number(url.searchParams.get('limit') ?? 1000), options.pageSize ?? 1000);
    const first = Number(Buffer.from(url.searchParams.get('cursor') ?? '', 'base64url').toString());
    const all = treeEntries(repo, fault?.kind === 'listing' ? fault : undefined);
    let next = first + pageSize < all.length ? first + pageSize : undefined;
    if (fault?.kind === 'endless-pages') next = fault.repeat ? all.length : Math.max(first, all.length) + 1;
    const headers: Record<string, string> = {};
    if (next !== undefined) {
      const link = new URL(url.pathname, endpoint);
      link.searchParams.set('recursive', 'true');
      link.searchParams.set('limit', String(pageSize));
      link.searchParams.set('cursor', Buffer.from(String(next)).toString('base64url'));
      headers['link'] = `<${link.href}>; rel="next"`;
    }
    sendJson(exchange, headers, all.slice(first, first + pageSize));
  }

  /** The faults that replace the whole answer. */
  async function disturbed(exchange: Exchange): Promise<boolean> {
    const { fault, request } = exchange;
    switch (fault?.kind) {
      case 'status':
        send(exchange, fault.status, { 'content-type': 'text/plain', ...fault.headers }, fault.body ?? '');
        return true;
      case 'cut':
      case 'stall':
        if (fault.afterBytes !== undefined) return false;
        if (fault.kind === 'cut') request.socket.destroy();
        else await closed(request);
        return true;
      case 'html':
        send(
          exchange,
          200,
          { 'content-type': 'text/html; charset=utf-8' },
          '<!doctype html><title>Log in</title>',
        );
        return true;
      case 'redirect':
        send(exchange, fault.status ?? 302, { location: fault.location }, 'Redirecting');
        return true;
      case 'redirect-loop':
        send(exchange, 302, { location: exchange.record.url }, 'Redirecting');
        return true;
      case 'json': {
        const body = typeof fault.body === 'string' ? fault.body : Buffer.from(fault.body.base64, 'base64');
        send(exchange, 200, { 'content-type': 'application/json; charset=utf-8' }, body);
        return true;
      }
      case 'huge-json':
        send(exchange, 200, { 'content-type': 'application/json' }, Buffer.alloc(fault.sizeBytes, '['));
        return true;
      default:
        return false;
    }
  }

  async function sendContent(
    exchange: Exchange,
    file: StoredFile,
    extra: Record<string, string>,
  ): Promise<void> {
    const { request, response, record, fault } = exchange;
    const asked = fault?.kind === 'ignore-range' ? undefined : rangeOf(request.headers.range, file.sizeBytes);
    if (asked === 'unsatisfiable') {
      send(exchange, 416, { ...extra, 'content-range': `bytes */${file.sizeBytes}` }, '');
      return;
    }
    const [startByte, endByte] = asked ?? [0, file.sizeBytes];
    record.startByte = startByte;
    record.status = asked === undefined ? 200 : 206;
    let body = file.read(startByte, endByte);
    const headers: Record<string, string | null> = {
      'content-type': file.storage === 'git' ? 'text/plain; charset=utf-8' : 'binary/octet-stream',
      'accept-ranges': 'bytes',
      etag: `"${file.storage === 'git' ? file.blobId : file.sha256}"`,
      'content-length': String(endByte - startByte),
      ...extra,
      ...(asked === undefined
        ? {}
        : { 'content-range': `bytes ${startByte}-${endByte - 1}/${file.sizeBytes}` }),
    };
    let limitBytes = Infinity;
    switch (fault?.kind) {
      case 'flip-byte':
        body = flipped(body, fault.atByte - startByte);
        break;
      case 'gzip':
        body = [gzipSync(await collect(body))];
        Object.assign(headers, { 'content-encoding': 'gzip', 'content-length': null });
        break;
      case 'short-body':
        headers['content-length'] = null;
        limitBytes = endByte - startByte - fault.missingBytes;
        break;
      case 'long-body':
        headers['content-length'] = null;
        body = followed(body, new Uint8Array(fault.extraBytes));
        break;
      case 'headers':
        Object.assign(headers, fault.set);
        break;
      case 'stall':
        // Chunked, so that the client cannot take the answer for complete.
        headers['content-length'] = null;
        limitBytes = fault.afterBytes ?? 0;
        break;
      case 'cut':
        limitBytes = fault.afterBytes ?? 0;
        break;
      default:
    }
    response.writeHead(record.status, present(headers));
    await pour(exchange, body, limitBytes);
    if (fault?.kind === 'cut') request.socket.destroy();
    else if (fault?.kind === 'stall') await closed(request);
    else response.end();
  }

  /** Sends a body in pieces, no faster than the client reads and the options say, and counts it. */
  async function pour(
    { request, response, record }: Exchange,
    body: Bytes,
    limitBytes: number,
  ): Promise<void> {
    const chunkBytes = options.chunkBytes ?? 65_536;
    response.flushHeaders();
    for await (const part of body) {
      for (let at = 0; at < part.length; at += chunkBytes) {
        const piece = part.subarray(at, Math.min(at + chunkBytes, at + limitBytes - record.bodyBytes));
        if (piece.length === 0) return;
        if (request.socket.destroyed) throw new Error('the client went away');
        record.bodyBytes += piece.length;
        await written(response, piece);
        if (options.chunkDelayMs !== undefined) await delay(options.chunkDelayMs);
      }
    }
  }

  function sendJson(exchange: Exchange, headers: Record<string, string>, value: unknown): void {
    const { fault, response, request, record } = exchange;
    const type = { 'content-type': 'application/json; charset=utf-8' };
    const body = Buffer.from(JSON.stringify(value));
    if ((fault?.kind !== 'cut' && fault?.kind !== 'stall') || fault.afterBytes === undefined) {
      send(exchange, 200, { ...type, ...headers }, body);
      return;
    }
    record.status = 200;
    response.writeHead(200, { ...type, ...headers, 'content-length': String(body.length) });
    response.write(body.subarray(0, fault.afterBytes), () => {
      if (fault.kind === 'cut') request.socket.destroy();
    });
  }

  function fail(exchange: Exchange, status: number, code: string | undefined, message: string): void {
    const headers = { 'x-error-message': message, ...(code === undefined ? {} : { 'x-error-code': code }) };
    send(
      exchange,
      status,
      { 'content-type': 'application/json', ...headers },
      JSON.stringify({ error: message }),
    );
  }

  function send(
    exchange: Exchange,
    status: number,
    headers: Record<string, string>,
    body: string | Uint8Array,
  ): void {
    const { response, record, fault } = exchange;
    const bytes = Buffer.from(body);
    const set = fault?.kind === 'headers' ? fault.set : {};
    record.status = status;
    response.writeHead(status, present({ ...headers, 'content-length': String(bytes.length), ...set }));
    response.end(bytes);
  }

  async function control(exchange: Exchange): Promise<void> {
    const { pathname } = exchange.url;
    if (pathname === '/_test/faults') {
      const fault: unknown = JSON.parse((await collect(exchange.request as Bytes)).toString());
      faults.push({ fault: fault as Fault, seen: 0 });
    }
    if (pathname === '/_test/expire-links') linkGeneration += 1;
    send(exchange, 200, { 'content-type': 'application/json' }, JSON.stringify(requests));
  }

  function rangesServed(path: string): [number, number][] {
    return requests
      .filter((request) => request.path === path && request.startByte !== undefined && request.bodyBytes > 0)
      .map(({ startByte, bodyBytes }) => [startByte!, startByte! + bodyBytes]);
  }

  async function close(): Promise<void> {
    for (const server of [hubSide, downloadSide]) {
      const ended = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await ended;
    }
  }

  return {
    endpoint,
    downloadEndpoint,
    requests,
    fault: (fault) => void faults.push({ fault, seen: 0 }),
    clearFaults: () => void (faults = []),
    expireLinks: () => void (linkGeneration += 1),
    rangesServed,
    bytesServed: (path) => rangesServed(path).reduce((sum, [start, end]) => sum + end - start, 0),
    commitOf: (name) => repos.find((repo) => repo.name === name)!.commit,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function store(options: RepoOptions): Promise<Repo> {
  const stored = new Map<string, StoredFile>();
  const add = async (path: string, sizeBytes: number, read: StoredFile['read']): Promise<void> => {
    const sha256 = createHash('sha256');
    const blob = createHash('sha1').update(`blob ${sizeBytes}\0`);
    for await (const chunk of read(0, sizeBytes)) {
      sha256.update(chunk);
      blob.update(chunk);
    }
    const storage =
      options.storage?.[path] ?? (sizeBytes < (options.lfsFromBytes ?? 2 ** 20) ? 'git' : 'xet');
    stored.set(path, {
      path,
      sizeBytes,
      storage,
      sha256: sha256.digest('hex'),
      blobId: blob.digest('hex'),
      read,
    });
  };
  for (const [path, content] of Object.entries(options.files ?? {})) {
    const bytes = Buffer.from(content);
    await add(path, bytes.length, (startByte, endByte) => [bytes.subarray(startByte, endByte)]);
  }
  if (options.folder !== undefined) {
    for (const entry of readdirSync(options.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      await add(relative(options.folder, file), statSync(file).size, (startByte, endByte) =>
        startByte === endByte
          ? []
          : (createReadStream(file, { start: startByte, end: endByte - 1 }) as Bytes),
      );
    }
  }
  const contents = [...stored.values()].map(({ path, sha256 }) => `${sha256} ${path}`).sort();
  const commit = options.commit ?? sha1(`${options.name}\n${contents.join('\n')}`);
  return { ...options, commit, stored };
}

function hasRevision(repo: Repo, revision: string): boolean {
  return revision === 'main' || revision === repo.commit || (repo.refs ?? []).includes(revision);
}

/** The tree endpoint's array: directories too, and for what is not in git the LFS and Xet ids. */
function treeEntries(repo: Repo, change: (FaultAction & { kind: 'listing' }) | undefined): unknown[] {
  const directories = new Set<string>();
  for (const path of repo.stored.keys()) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) directories.add(parent);
  }
  const entries = [
    ...[...directories].map((path) => ({ type: 'directory', oid: sha1(`tree ${path}`), size: 0, path })),
    ...[...repo.stored.values()].map(fileEntry),
  ];
  const changed = entries.map((entry) => {
    const fields = Object.entries<unknown>({ ...entry, ...change?.patch?.[entry.path] });
    return Object.fromEntries(fields.filter(([, value]) => value !== null));
  });
  return [...changed, ...(change?.append ?? [])];
}

function fileEntry(file: StoredFile): { path: string } {
  const { path, sizeBytes: size, storage } = file;
  if (storage === 'git') return { type: 'file', oid: file.blobId, size, path } as { path: string };
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${file.sha256}\nsize ${size}\n`;
  const lfs = { oid: file.sha256, size, pointerSize: pointer.length };
  const entry = { type: 'file', oid: sha1(`blob ${pointer.length}\0${pointer}`), size, lfs, path };
  return storage === 'xet' ? Object.assign(entry, { xetHash: xetHash(file) }) : entry;
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

/** Of the right shape only: no client of ours reads it. */
function xetHash(file: StoredFile): string {
  return createHash('sha256').update(`xet ${file.sha256}`).digest('hex');
}

function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): [number, number] | 'unsatisfiable' | undefined {
  const parts = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!parts) return undefined;
  const startByte = Number(parts[1]);
  const endByte = Math.min(parts[2] === '' ? sizeBytes : Number(parts[2]) + 1, sizeBytes);
  return startByte < endByte ? [startByte, endByte] : 'unsatisfiable';
}

function present(headers: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

async function collect(body: Bytes): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

async function* flipped(body: Bytes, atByte: number): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const part of body) {
    const copy = Uint8Array.from(part);
    if (atByte >= offset && atByte < offset + part.length) copy[atByte - offset]! ^= 1;
    offset += part.length;
    yield copy;
  }
}

async function* followed(body: Bytes, more: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* body;
  yield more;
}

async function written(response: ServerResponse, piece: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}

async function closed(request: IncomingMessage): Promise<void> {
  if (!request.socket.destroyed) await new Promise((resolve) => request.socket.once('close', resolve));
}

if (import.meta.main) {
  const server = await startHubServer(JSON.parse(process.argv[2] ?? '{"repos":[]}') as HubServerOptions);
  const { endpoint, downloadEndpoint } = server;
  process.stdout.write(`${JSON.stringify({ endpoint, downloadEndpoint })}\n`);
}
