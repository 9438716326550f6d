//! Values: conversion from and to JSON, how Python prints them, and the `omit` sentinel.

pub mod convert;
pub mod json;
pub mod literal;
pub(crate) mod mersenne;
pub mod omit;
pub mod python;
pub(crate) mod time;
pub(crate) mod vault;
