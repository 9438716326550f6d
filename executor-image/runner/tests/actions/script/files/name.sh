#!/bin/sh
basename "$0"
