export {
  type TufDefect,
  type TufRepository,
  type TufRepositoryRequest,
  type TufRoleName,
  createTufRepository,
} from './repository.ts';
