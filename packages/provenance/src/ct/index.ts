export type { CtErrorCode } from './error.ts';
export {
  type Sct,
  ctOid,
  embeddedScts,
  parseSct,
  parseSctList,
  precertSignedData,
  verifySct,
  x509SignedData,
} from './sct.ts';
