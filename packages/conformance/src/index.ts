export { capabilities } from './capabilities.ts';
export { type Outcome, run } from './run.ts';
export { EXIT } from './stage.ts';
