export { VerityError } from './error.ts';
