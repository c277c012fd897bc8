export { ErofsError } from './error.ts';
