/** What Node adds: connections, an HTTP client, folders for the cache and the memory, files of proofs. */
export { folderMemory, type ReleaseStore, stateFolder } from './memory/folder.node.ts';
export { loadProof, saveProof } from './proof-file/file.node.ts';
export { folderSource } from './sources/boot-folder.node.ts';
export { type Connection, type ConnectionOptions, openConnection } from './sources/connection.node.ts';
export { cacheFolder, folderCache } from './sources/folder-cache.node.ts';
export { type NodeClient, type NodeClientOptions, createNodeClient } from './sources/http-client.node.ts';
