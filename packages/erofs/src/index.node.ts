/** What needs a file system. */
export * from './index.ts';
export { type Folder, type FolderFile, type FolderOptions, readFolder } from './folder.node.ts';
