/** An HTTP or HTTPS server in a thread of its own: it answers while the thread that asks is held up. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const identity = workerData as { readonly key: string; readonly cert: string } | null;
const answer: http.RequestListener = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
};
const server = identity ? https.createServer(identity, answer) : http.createServer(answer);
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
