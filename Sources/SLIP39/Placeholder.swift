/// Placeholder until the module is written.
enum SLIP39Placeholder {}
