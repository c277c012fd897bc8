import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { generateModel } from './generated.ts';
import { downloadHubModel, HUB_MODEL } from './hub.ts';

export interface DemoModel {
  /** Relative to the repository. */
  readonly folder: string;
  /** What it is packed as: owner/name@revision. */
  readonly name: string;
  readonly description: string;
}

/** A real model beside the repository: 260,000 parameters, tells stories. */
const LOCAL_MODEL = '../shared/models/stories260K';

/** The best model that can be had here: a local one, one from the Hub, or a generated one, which is said loudly. */
export async function chooseModel(
  repository: string,
  workFolder: string,
  say: (line: string) => void,
): Promise<DemoModel> {
  if (existsSync(join(repository, LOCAL_MODEL, 'model.safetensors'))) {
    return {
      folder: LOCAL_MODEL,
      name: 'demo/stories260K@v1',
      description: 'stories260K, a real model on this disk',
    };
  }
  const hubFolder = join(workFolder, 'source', HUB_MODEL.name);
  try {
    await downloadHubModel(hubFolder);
    const name = `${HUB_MODEL.name}@${HUB_MODEL.commit}`;
    return {
      folder: relative(repository, hubFolder),
      name,
      description: `${HUB_MODEL.name} from the Hugging Face Hub`,
    };
  } catch (error) {
    rmSync(hubFolder, { recursive: true, force: true });
    const { message, cause } = error as Error;
    say(
      `No model from the Hugging Face Hub: ${message}${cause instanceof Error ? `, ${cause.message}` : ''}`,
    );
  }
  const folder = join(workFolder, 'source/generated');
  generateModel(folder);
  say(
    'NOT A REAL MODEL: no real one can be had here. The files are in the real formats, the weights are random.',
  );
  return {
    folder: relative(repository, folder),
    name: 'demo/generated@v1',
    description: 'a generated model with random weights',
  };
}
