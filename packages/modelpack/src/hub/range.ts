import { HubError } from './error.ts';
import { resolveUrl, type Hub, type Subject } from './hub.ts';
import type { HubFile } from './listing.ts';
import { printable, printableUrl, quoted } from './printable.ts';
import { describe, refusal } from './refusal.ts';
import { get, mediaType, type Answer } from './request.ts';
import { Backoff, Setback } from './retry.ts';

/**
 * The bytes `[startByte, endByte)` of a file: exactly those, or an error. A transfer that breaks goes on from the byte
 * it had reached; every byte that arrives gives it all its tries back. Nothing is asked for an empty range.
 *
 * One path serves git, LFS and Xet storage: the resolve URL answers with the content, or leads to a host that serves
 * ranges of it. The bytes are not verified here; `file.digest` says what the whole content must hash to.
 * @throws {HubError} any code but those of listings
 */
export async function* fetchRange(
  hub: Hub,
  repo: string,
  commit: string,
  file: Pick<HubFile, 'path' | 'sizeBytes'>,
  startByte: number,
  endByte: number,
): AsyncGenerator<Uint8Array, void, void> {
  checkWanted(file, startByte, endByte);
  const source: Source = {
    subject: { what: 'file', repo, revision: commit, path: file.path },
    resolve: resolveUrl(hub, repo, commit, file.path),
    sizeBytes: file.sizeBytes,
  };
  const backoff = new Backoff(hub);
  let at = startByte;
  while (at < endByte) {
    try {
      const answer = await openRange(hub, source, at, endByte);
      for await (const chunk of answer.chunks()) {
        if (chunk.length === 0) continue;
        if (chunk.length > endByte - at) throw tooMany(source, at, endByte);
        backoff.progressed();
        at += chunk.length;
        yield chunk;
      }
      if (at < endByte) throw tooFew(source, at, endByte);
    } catch (failure) {
      hub.links.delete(source.resolve.href);
      // All that was asked for is here: how the connection ended does not matter any more.
      if (at === endByte && failure instanceof Setback) return;
      await backoff.wait(failure, at);
    }
  }
}

interface Source {
  subject: Subject;
  resolve: URL;
  sizeBytes: number;
}

function checkWanted(file: Pick<HubFile, 'path' | 'sizeBytes'>, startByte: number, endByte: number): void {
  const whole = [startByte, endByte, file.sizeBytes].every(Number.isSafeInteger);
  if (whole && 0 <= startByte && startByte <= endByte && endByte <= file.sizeBytes) return;
  throw new HubError(
    'PARAMETER_INVALID',
    `Bytes ${startByte} to ${endByte} of ${quoted(file.path)} (${file.sizeBytes} bytes) cannot be asked for.`,
  );
}

async function openRange(hub: Hub, source: Source, startByte: number, endByte: number): Promise<Answer> {
  const key = source.resolve.href;
  const headers = {
    range: `bytes=${startByte}-${endByte - 1}`,
    // The range is one of the content, and its hash is over the content: not of a compressed form.
    'accept-encoding': 'identity',
  };
  const answer = await get(hub, hub.links.get(key) ?? source.resolve, headers, (step) =>
    checkStep(source, step),
  );
  try {
    if (answer.status !== 206 && answer.status !== 200) throw await refusal(hub, source.subject, answer);
    checkContent(source, answer);
    checkExtent(source, answer, startByte, endByte);
  } catch (failure) {
    answer.drop();
    throw failure;
  }
  if (answer.foreign) remember(hub, key, answer.url);
  return answer;
}

const maxLinks = 4096;

/**
 * Keeps where a file was found on a download host: the Hub limits how often a resolve URL may be asked for, and many
 * ranges of one file need only one link. A link that stops working is forgotten, and the resolve URL asked again.
 */
function remember(hub: Hub, key: string, link: URL): void {
  hub.links.delete(key);
  hub.links.set(key, link);
  if (hub.links.size > maxLinks) hub.links.delete(hub.links.keys().next().value!);
}

/** What the Hub says about the file on its own answers: `X-Repo-Commit`, and the content's size in `X-Linked-Size`. */
function checkStep(source: Source, headers: Headers): void {
  const commit = headers.get('x-repo-commit');
  if (commit !== null && commit !== source.subject.revision) {
    throw new HubError(
      'RESPONSE_INVALID',
      `Asked for ${describe(source.subject)}: the Hub answers with commit ${printable(commit)} (X-Repo-Commit).`,
    );
  }
  const linkedSize = headers.get('x-linked-size');
  if (linkedSize !== null && linkedSize !== String(source.sizeBytes)) {
    throw sizes(source, `the Hub's answer ${printable(linkedSize)} (X-Linked-Size)`);
  }
}

function checkContent(source: Source, answer: Answer): void {
  const path = source.subject.path ?? '';
  const asked = `Asked ${printableUrl(answer.url)} for ${describe(source.subject)}`;
  if (mediaType(answer.headers) === 'text/html' && !/\.x?html?$/i.test(path)) {
    throw new HubError(
      'NOT_JSON',
      `${asked}: found a web page instead of the file. A proxy or a network's login page may be answering; open the endpoint in a browser to see.`,
    );
  }
  const encoding = answer.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== '') {
    throw new HubError(
      'ENCODING_REFUSED',
      `${asked}: found content encoding "${printable(encoding)}", expected none. A proxy may be compressing; go around it.`,
    );
  }
}

const contentRange = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/i;

/** RFC 9110 §14.4 and §15.3.7: a 206 says which bytes of how many it carries; a 200 carries the whole file. */
function checkExtent(source: Source, answer: Answer, startByte: number, endByte: number): void {
  const asked = `Asked ${printableUrl(answer.url)} for bytes ${startByte}-${endByte - 1} of ${describe(source.subject)}`;
  if (answer.status === 200) {
    if (startByte !== 0 || endByte !== source.sizeBytes) {
      throw new HubError(
        'RANGE_INVALID',
        `${asked}: the server ignores ranges and sends the whole file (status 200).`,
      );
    }
  } else {
    const stated = answer.headers.get('content-range');
    const parts = contentRange.exec(stated?.trim() ?? '');
    if (parts === null || Number(parts[1]) !== startByte || Number(parts[2]) !== endByte - 1) {
      throw new HubError(
        'RANGE_INVALID',
        `${asked}: found ${stated === null ? 'no Content-Range' : `Content-Range ${quoted(stated)}`}.`,
      );
    }
    if (Number(parts[3]) !== source.sizeBytes)
      throw sizes(source, `the download ${parts[3]!} (Content-Range)`);
  }
  const length = answer.headers.get('content-length');
  if (length !== null && length !== String(endByte - startByte)) {
    throw new HubError(
      'SIZE_MISMATCH',
      `${asked}: the answer is ${printable(length)} bytes long (Content-Length).`,
    );
  }
}

function sizes(source: Source, found: string): HubError {
  return new HubError(
    'SIZE_MISMATCH',
    `Asked for ${describe(source.subject)}: its listing says ${source.sizeBytes} bytes, ${found}.`,
  );
}

function tooMany(source: Source, at: number, endByte: number): HubError {
  return new HubError(
    'SIZE_MISMATCH',
    `Asked for ${describe(source.subject)}: at byte ${at} the server sent more than the ${endByte - at} bytes that were left to send.`,
  );
}

function tooFew(source: Source, at: number, endByte: number): Setback {
  return new Setback(
    'SIZE_MISMATCH',
    `Asked for ${describe(source.subject)}: the answer ended at byte ${at}, ${endByte - at} bytes early.`,
  );
}
