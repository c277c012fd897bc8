/** What Node adds: connections, an HTTP client, folders for the cache and the memory, files of proofs. */
import type { Connection, ConnectionOptions } from './sources/connection.node.ts';

export { type NodeEdge, type NodeEdgeOptions, nodeEdge } from './edge.node.ts';
export { machineRoots } from './machine-roots.node.ts';
export { folderMemory, type ReleaseStore, stateFolder } from './memory/folder.node.ts';
export { loadProof, partReader, requireSavable, saveProof } from './proof-file/file.node.ts';
export { folderSource } from './sources/boot-folder.node.ts';
export type { Connection, ConnectionOptions } from './sources/connection.node.ts';
export { cacheFolder, folderCache } from './sources/folder-cache.node.ts';
export { type NodeClient, type NodeClientOptions, createNodeClient } from './sources/http-client.node.ts';
export { type Proxy, type ProxyRules, parseProxy, proxiesOf, proxyFor } from './sources/proxies.node.ts';

/** See connection.node.ts, which is loaded here: what only replays a proof starts sooner without HTTP and TLS. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { openConnection: open } = await import('./sources/connection.node.ts');
  return open(options);
}
