import { HubError } from './error.ts';
import type { Hub } from './hub.ts';
import { printable, printableUrl } from './printable.ts';
import { aborted, Setback } from './retry.ts';

/** One exchange with a server, redirects included: it can be dropped, and it does not wait for ever. */
export class Connection {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private waiting = false;
  private timedOut = false;
  private readonly hub: Hub;

  constructor(hub: Hub) {
    this.hub = hub;
    this.timer = setTimeout(() => {
      // A slow consumer is not a slow server: only time spent waiting for the server counts.
      if (!this.waiting) return;
      this.timedOut = true;
      this.controller.abort();
    }, hub.idleTimeoutMs);
  }

  get signal(): AbortSignal {
    const { signal } = this.hub;
    return signal ? AbortSignal.any([signal, this.controller.signal]) : this.controller.signal;
  }

  /**
   * Waits for `work`, which asks the server at `url` for something.
   * @throws {HubError} ABORTED, CONNECTION_FAILED when the certificate is not trusted
   * @throws {Setback} TIMEOUT, CONNECTION_FAILED
   */
  async wait<T>(url: URL, work: Promise<T>): Promise<T> {
    this.waiting = true;
    this.timer.refresh();
    try {
      return await work;
    } catch (cause) {
      throw this.failure(url, cause);
    } finally {
      this.waiting = false;
    }
  }

  /** The exchange came to its own end; the server's connection may be used again. */
  finish(): void {
    clearTimeout(this.timer);
  }

  /** Ends the exchange; whatever the server still sends is not read. */
  drop(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  private failure(url: URL, cause: unknown): Error {
    const stop = aborted(this.hub);
    if (stop) return stop;
    if (this.timedOut) {
      return new Setback(
        'TIMEOUT',
        `${printableUrl(url)} sent nothing for ${this.hub.idleTimeoutMs} ms. Check the connection, or try again later.`,
      );
    }
    const reason = reasonOf(cause);
    const sentence = `The connection to ${url.origin} failed while reading ${printableUrl(url)}: ${reason.text}.`;
    if (untrusted.test(reason.code)) {
      const advice = 'Its certificate is not trusted: something may be between this machine and the Hub.';
      return new HubError('CONNECTION_FAILED', `${sentence} ${advice}`, { cause });
    }
    return new Setback('CONNECTION_FAILED', `${sentence} Check the network and the proxy settings.`, {
      cause,
    });
  }
}

/** Codes of OpenSSL and Node for a certificate that does not check out: trying again does not help. */
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** fetch() says only "fetch failed" or "terminated"; the reason is in the chain of causes. */
function reasonOf(failure: unknown): { code: string; text: string } {
  let code = '';
  let text = 'unknown reason';
  let link = failure;
  for (let depth = 0; depth < 8 && link instanceof Error; depth++) {
    if (link.message !== '') text = link.message;
    if ('code' in link && typeof link.code === 'string') code = link.code;
    link = link.cause;
  }
  const both = code === '' || text.includes(code) ? text : `${text} (${code})`;
  return { code, text: printable(both) };
}
