/** A process that remembers releases: FOLDER SERVICE FIRST COUNT. */
import { folderMemory } from '../../src/index.node.ts';

const [folder = '', service = '', first = '0', count = '0'] = process.argv.slice(2);
const store = folderMemory(folder);
for (let at = Number(first); at < Number(first) + Number(count); at++)
  await store.remember(service, {
    tag: `v${at}`,
    digest: at.toString(16).padStart(64, '0'),
    loggedAtUnix: 1000 + at,
  });
