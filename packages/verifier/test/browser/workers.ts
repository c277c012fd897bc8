/** Replays in a page's workers, a dedicated one and a service worker: scripts to be served after the verifier's own. */
import type { ReplayRequest } from './page.ts';

export type WorkerKind = 'dedicated' | 'service';

declare global {
  var replayInWorker: (kind: WorkerKind, request: ReplayRequest) => Promise<string>;
}

/** Answers a message with the result, on the port that came with it. */
export const workerScript = `
self.onmessage = ({ data, ports: [port] }) =>
  replayProof(data).then((result) => port.postMessage({ result }), (error) => port.postMessage({ error: String(error) }));
`;

/** In the page: defines `replayInWorker`. @param url of the worker's script */
export function clientScript(url: string): string {
  return `
const workers = {
  dedicated: async () => new Worker('${url}', { type: 'module' }),
  service: async () => {
    await navigator.serviceWorker.register('${url}', { type: 'module' });
    return (await navigator.serviceWorker.ready).active;
  },
};
globalThis.replayInWorker = async (kind, request) => {
  const worker = await workers[kind]();
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve, reject) => {
    port1.onmessage = ({ data }) => ('result' in data ? resolve(data.result) : reject(new Error(data.error)));
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.postMessage(request, [port2]);
  return answer;
};
`;
}
