//! Pools of real worker processes: this very program, started again as one of its ignored tests.

mod clients;
mod dying;
mod engines;
mod pools;
mod scaling;
mod serving;
