"""Experiments of this plugin: `agentkit bench research-steering`, `research-kills`, …"""
